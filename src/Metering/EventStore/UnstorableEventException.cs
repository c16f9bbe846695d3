namespace CCGate.Metering.EventStore;

/// <summary>The store understood the append and will refuse it for ever, because of what is in it; nothing of it was stored.</summary>
internal sealed class UnstorableEventException(string message, Exception? inner = null) : Exception(message, inner);
