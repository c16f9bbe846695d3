namespace CCGate.Hosting.Configuration;

/// <summary>The configuration in force: one snapshot at a time, replaced whole by <c>ConfigReloader</c>.</summary>
internal sealed class ConfigSource(GatewayConfig initial)
{
    private volatile GatewayConfig current = initial;

    /// <summary>Read it once per request and keep it: a request is served by one snapshot.</summary>
    public GatewayConfig Current => current;

    /// <summary>Raised after a new snapshot came into force.</summary>
    public event Action<GatewayConfig>? Changed;

    public void Replace(GatewayConfig next)
    {
        current = next;
        Changed?.Invoke(next);
    }
}
