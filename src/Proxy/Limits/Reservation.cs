using System.Collections.Immutable;

namespace CCGate.Proxy.Limits;

/// <summary>What is held against every limit of a request from before the first attempt until it is settled; disposed unsettled, it goes back whole.</summary>
internal sealed class Reservation(QuotaLedger ledger, LimitPath path, DateTimeOffset admittedAt, Amounts held, long maxOutputTokens) : IDisposable
{
    private bool ended;
    private Amounts settled;

    public LimitPath Path { get; private set; } = path;

    /// <summary>The limits it was granted under, whatever they are now.</summary>
    public ImmutableArray<LimitCheck> Granted { get; } = path.Checks;

    /// <summary>It is counted as one that exceeded a limit: once is enough.</summary>
    public bool IsOverLimit { get; set; }

    public DateTimeOffset AdmittedAt => admittedAt;

    /// <summary>The whole hold, whether a limit counts it or not.</summary>
    public Amounts Held => held;

    /// <summary>The token limit that the hold pays for.</summary>
    public long MaxOutputTokens => maxOutputTokens;

    public bool IsClamped { get; init; }

    /// <summary>What the tightest budgets still leave, with this hold taken from them; <see cref="Amounts.Unlimited"/> where there is none.</summary>
    public Amounts Remaining { get; init; } = Amounts.Everything;

    /// <summary>The session it belongs to.</summary>
    public string Session { get; init; } = "";

    /// <summary>The configuration changed: the same tenant and key, with the limits they have now.</summary>
    public void Rebind(LimitPath current) => Path = current;

    /// <summary>Where it is held, under the ledger's lock.</summary>
    public List<(LimitPeriod Period, LimitCheck Check)> Places { get; } = [];

    /// <summary>Replaces the hold by what is owed; the window of admission pays. Said again with other amounts, the last ones count.</summary>
    public void Settle(Guid requestId, Amounts owed)
    {
        if (!ended)
        {
            ledger.Settle(this, requestId, owed);
        }
        else if (owed != settled)
        {
            ledger.Correct(this, requestId, settled, owed);
        }

        (ended, settled) = (true, owed);
    }

    public void Dispose()
    {
        if (!ended)
        {
            ended = true;
            ledger.Release(this);
        }
    }
}
