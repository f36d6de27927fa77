// Package reports renders the result of a drill and the facts it was judged on.
//
//	Result + Facts ─► Markdown   for a reviewer who was not there
//	Result         ─► JUnit      for a machine
//
// Rendering is pure: it asks no clock and no world, and it decides nothing. What
// was not measured is said to be so, never left blank.
package reports
