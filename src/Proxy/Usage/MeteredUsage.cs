using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>What an attempt consumed, as far as its answer said so.</summary>
/// <param name="Usage">The counts; what nobody said is zero.</param>
/// <param name="State">How far they can be trusted.</param>
/// <param name="Model">The model as served; null when the answer did not say.</param>
/// <param name="Ended">The answer came to its proper end: a <c>message_stop</c>, or a complete JSON document.</param>
/// <param name="StreamError">The type of the error event that a stream ended with.</param>
/// <param name="Doubt">Why the state is not <see cref="UsageState.Known"/>; null when it is, or when nothing is billed.</param>
internal sealed record MeteredUsage(TokenUsage Usage, UsageState State, string? Model, bool Ended, string? StreamError, string? Doubt = null);
