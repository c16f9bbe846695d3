using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Limits;

/// <summary>Money held against a tenant's day from before the first attempt until it is settled; disposed unsettled, it goes back whole.</summary>
internal sealed record Reservation(
    QuotaLedger Ledger, QuotaAccount? Account, TenantConfig Tenant, DateTimeOffset AdmittedAt, long HeldPico, long MaxOutputTokens, bool IsClamped) : IDisposable
{
    private bool ended;
    private long settledPico;

    /// <summary>Replaces the hold by what was consumed; the day of admission pays. Said again with another amount, the last one counts.</summary>
    public void Settle(Guid requestId, decimal spendUsd)
    {
        var pico = Picodollars.FromUsd(spendUsd);
        if (!ended)
        {
            Ledger.Settle(this, requestId, pico);
        }
        else if (pico != settledPico)
        {
            Ledger.Correct(requestId, pico);
        }

        (ended, settledPico) = (true, pico);
    }

    public void Dispose()
    {
        if (!ended)
        {
            ended = true;
            Ledger.Release(this);
        }
    }
}
