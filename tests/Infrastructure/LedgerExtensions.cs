using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Infrastructure;

/// <summary>A quota ledger as tests talk to it.</summary>
internal static class LedgerExtensions
{
    /// <summary>A key that is nobody's own: only the tenant's limits hold.</summary>
    public const string AnyKey = "k";

    public static async Task<Reservation> ReserveAsync(
        this QuotaLedger ledger, TenantConfig tenant, HoldEstimate hold, DateTimeOffset admittedAt, string key = AnyKey, string? session = null, CancellationToken cancellationToken = default) =>
        await ledger.ReserveAsync(ledger.PathOf(new TenantKey(tenant, new KeyConfig(key, SecretHash.Of(key)))), hold, session, admittedAt, cancellationToken);

    public static void Settle(this Reservation reservation, Guid requestId, decimal usd, long tokens = 0) =>
        reservation.Settle(requestId, new Amounts(Picodollars.FromUsd(usd), tokens, 1));

    /// <summary>The read model says what each tenant used, by window.</summary>
    public static void Feed(this QuotaLedger ledger, Func<WindowSpan, IReadOnlyDictionary<(string, string), Amounts>> used, params Guid[] counted) =>
        ledger.Apply(ledger.WindowsToCount().ToDictionary(window => window, used), counted);

    /// <summary>The read model says that nobody used anything.</summary>
    public static void FeedNothing(this QuotaLedger ledger) => ledger.Feed(_ => new Dictionary<(string, string), Amounts>());

    public static (long CommittedPico, long HeldPico) Today(this QuotaLedger ledger, TenantConfig tenant)
    {
        var (committed, held) = ledger.Now(new LimitSubject(tenant.Id, null), LimitWindow.Daily);
        return (committed.Pico, held.Pico);
    }

    /// <summary>A hold of so much money whatever the answer's length.</summary>
    public static HoldEstimate Hold(long pico) => new(pico, 0, 0, 1_000, 100);
}
