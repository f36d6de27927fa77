package checks

import "github.com/aetherlink/aether/drill"

// All is every check, in the order in which they are judged and shown. The ids
// are API.
func All() []drill.Check {
	return []drill.Check{
		baselineSteady(),
		targetStopped(), targetRestarted(),
		upDown(), upRecovered(),
		alertOrder(), alertFired(), alertResolved(),
		backlogComplete(),
		lagPeak(), lagDrained(), offsetsCommitted(),
		recoveryFirstEvent(),
		deliveryNoLoss(), deliveryDuplicates(), deliveryOrder(), deliveryContent(),
		counterExact(), rateSpike(), sseClients(),
	}
}

// IDs that other checks refer to.
const (
	idStopped    = "target.stopped"
	idRestarted  = "target.restarted"
	idUpDown     = "up.down"
	idUpAgain    = "up.recovered"
	idFired      = "alert.fired_in_window"
	idBacklog    = "backlog.complete"
	idFirstEvent = "recovery.first_event"
	idCommitted  = "offsets.committed"
	idNoLoss     = "delivery.no_loss"
	idCounter    = "counter.exact"
)
