using CCGate.Hosting.Administration;

namespace CCGate.Hosting.Configuration;

/// <summary>The configuration in force: the directory's and what operators changed at run time, as one snapshot that is replaced whole.</summary>
internal sealed class ConfigSource(GatewayConfig initial)
{
    private readonly Lock replacing = new();
    private GatewayConfig files = initial;
    private AdministrationFacts facts = AdministrationFacts.None;
    private volatile GatewayConfig current = initial;

    /// <summary>Read it once per request and keep it: a request is served by one snapshot.</summary>
    public GatewayConfig Current => current;

    /// <summary>What the configuration directory alone says.</summary>
    public GatewayConfig Files => Volatile.Read(ref files);

    /// <summary>What operators changed, as far as it is in force here.</summary>
    public AdministrationFacts Facts => Volatile.Read(ref facts);

    /// <summary>Raised after a new snapshot came into force, and before the next one does.</summary>
    public event Action<GatewayConfig>? Changed;

    /// <summary>Called by <c>ConfigReloader</c>.</summary>
    public void Replace(GatewayConfig next)
    {
        lock (replacing)
        {
            Volatile.Write(ref files, next);
            Swap_NeedsLock();
        }
    }

    /// <summary>Called by <c>AdministrationFeed</c>, and by whoever made a change and wants it in force before answering. What is older than what is in force changes nothing.</summary>
    public void Replace(AdministrationFacts next)
    {
        lock (replacing)
        {
            if (next.Position > facts.Position)
            {
                Volatile.Write(ref facts, next);
                Swap_NeedsLock();
            }
        }
    }

    private void Swap_NeedsLock()
    {
        var next = facts.Over(files);
        current = next;
        Changed?.Invoke(next);
    }
}
