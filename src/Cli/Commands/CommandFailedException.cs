namespace CCGate.Cli.Commands;

/// <summary>A command cannot do what it was asked to; the message says what to change.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);
