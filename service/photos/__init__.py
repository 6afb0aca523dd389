"""Photos after they have arrived: looking at them, moving and withdrawing them, alarms, news as it happens."""
