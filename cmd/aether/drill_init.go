package main

// embeddedSpec is what drill run uses without SPEC.
const embeddedSpec = `# A rehearsal on a world of its own: broker, Prometheus and bridge on this
# machine, gone when the drill ends. "version" and "embedded: {}" would do; what
# follows are the defaults.
version: 1
name: rehearsal
embedded: {partitions: 3, scrape: 1s, evaluate: 1s, for: 10s}

target:
  process:
    command: [aether, serve, --host, 127.0.0.1]   # any SSE service; ${PORT} is replaced in it
    stop: graceful                                # or kill
    stop_timeout: 10s

backlog: {events: 200, rate: 0, size: 512}        # rate: events/s, 0 is as fast as it goes; size: bytes
outage: {until: alert-firing, max: 10m}           # or {hold: 30s}
objectives: {first_event: 30s, drain: 2m, duplicates: 0}                # these judge
give_up: {baseline: 1m, first_event: 2m, drain: 10m, settle: 5m}        # these end a wait
checks: {skip: []}
`

// realSpec has the usual names.
const realSpec = `# A drill of a running service. Every name here is an example: put in your own.
# ${NAME} is replaced by an environment variable.
version: 1
name: crm-events-lag-recovery

target:                         # what is stopped and started, exactly one
  docker:
    container: aether-crm-events
    stop: graceful              # SIGTERM, then SIGKILL after stop_timeout; or kill
    stop_timeout: 10s

bridge:
  url: http://127.0.0.1:9010
  stream: /crm-events           # its data must carry partition and offset
  health: /healthz

kafka:
  brokers: ["127.0.0.1:19092"]
  topic: aetherlink.events
  group: crm-events-sse
  # tls: {ca_file: ca.pem}      # or "tls: {}" for the system's roots; cert_file and key_file for a client certificate
  # sasl: {mechanism: SCRAM-SHA-512, username: drill, password: "${KAFKA_PASSWORD}"}

prometheus:
  url: http://127.0.0.1:9090    # with its path prefix, if it has one
  # http: {username: drill, password: "${PROM_PASSWORD}", tls: {ca_file: ca.pem}}    # or bearer
  target: {job: crm-events}     # labels of the bridge's scrape target
  alert: {name: CrmEventsServiceDown}
  counter: crm_events_messages_total
  alertmanagers: ["http://127.0.0.1:9093"]    # that work from here; leave out for those that Prometheus itself uses

backlog:
  events: 200
  rate: 0                       # events/s, 0: as fast as it goes
  size: 512                     # bytes of value
  tenant: 00000000-0000-0000-0000-000000000001

outage: {until: alert-firing, max: 10m}     # or {hold: 180s}
objectives: {first_event: 30s, drain: 2m, duplicates: 0}            # these judge
give_up: {baseline: 1m, first_event: 2m, drain: 10m, settle: 5m}    # these end a wait
checks: {skip: []}              # what is skipped is said beside the verdict
`
