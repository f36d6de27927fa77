# The binary is built outside, static and without the embedded world:
#   CGO_ENABLED=0 go build -tags slim -o aether ./cmd/aether && docker build -t aether .
FROM scratch
COPY aether /aether
USER 65532:65532
EXPOSE 9010
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/aether", "healthcheck"]
ENTRYPOINT ["/aether"]
CMD ["serve"]
