"""How ReelBallers is built, tested, shipped and started."""
