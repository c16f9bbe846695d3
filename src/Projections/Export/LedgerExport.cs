using System.Globalization;
using System.Runtime.CompilerServices;
using CCGate.Contracts;
using CCGate.Hosting.Tenants;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;

namespace CCGate.Projections.Export;

/// <summary>Goes through the ledger for a period's requests, or for its days, without ever having more than a batch of it in memory.</summary>
/// <remarks>
/// It ends where the ledger ended when it began. An adjustment may come long after its request, and after the period's end; it belongs to the request all the
/// same, so adjustments are gone through first.
/// </remarks>
internal sealed class LedgerExport(IEventStore store, SpendQuestion question, IProgress<double>? progress)
{
    private const int BatchSize = 1000;

    public SpendQuestion Question => question;

    /// <summary>In the order of the ledger.</summary>
    /// <exception cref="UnreadableEventException">A line would be missing.</exception>
    public async IAsyncEnumerable<ExportedRequest> RequestsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var upTo = await store.HighWaterMarkAsync(cancellationToken);
        using var adjustments = new AdjustmentSpool();
        await foreach (var batch in BatchesAsync(upTo, EventTypes.SpendAdjusted, begin: 0, cancellationToken))
        {
            adjustments.Add(batch.Select(ReadAdjustment).Where(Asked));
        }

        await foreach (var batch in BatchesAsync(upTo, EventTypes.RequestCompleted, begin: 0.5, cancellationToken))
        {
            foreach (var request in batch.Select(ReadRequest).Where(Asked))
            {
                yield return new ExportedRequest(request, adjustments.Find(request.RequestId));
            }
        }

        progress?.Report(1);
    }

    /// <summary>By tenant, then by day.</summary>
    /// <exception cref="UnreadableEventException">A sum would be wrong.</exception>
    public async Task<IReadOnlyList<ExportedDay>> DaysAsync(Func<string, TimeZoneInfo> zoneOf, CancellationToken cancellationToken)
    {
        var days = new Dictionary<(string Tenant, DateOnly Day), ExportedDay>();
        ExportedDay DayOf(string tenant, DateTimeOffset admittedAt)
        {
            var zone = zoneOf(tenant);
            var day = LocalDay.Of(admittedAt, zone);
            return days.TryGetValue((tenant, day), out var found) ? found : days[(tenant, day)] = new ExportedDay(tenant, day, zone);
        }

        var upTo = await store.HighWaterMarkAsync(cancellationToken);
        await foreach (var batch in BatchesAsync(upTo, EventTypes.SpendAdjusted, begin: 0, cancellationToken))
        {
            foreach (var adjusted in batch.Select(ReadAdjustment).Where(Asked))
            {
                DayOf(adjusted.TenantId ?? "", adjusted.AdmittedAt).Add(AdjustedAmounts.Of(adjusted));
            }
        }

        await foreach (var batch in BatchesAsync(upTo, EventTypes.RequestCompleted, begin: 0.5, cancellationToken))
        {
            foreach (var request in batch.Select(ReadRequest).Where(Asked))
            {
                DayOf(request.TenantId ?? "", request.AdmittedAt).Add(new ExportedRequest(request, Adjustments.None));
            }
        }

        progress?.Report(1);
        return [.. days.Values.OrderBy(day => day.Tenant, StringComparer.Ordinal).ThenBy(day => day.Day)];
    }

    /// <summary>Batch by batch the events of a type whose stream may hold something of the period.</summary>
    private async IAsyncEnumerable<IEnumerable<StoredEvent>> BatchesAsync(
        long upTo, string type, double begin, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (long last = 0; last < upTo;)
        {
            var events = await store.ReadAsync(last, upTo, BatchSize, cancellationToken);
            yield return events.Where(stored => stored.Type == type && MayBeAsked(stored.Stream));
            last = events.Count < BatchSize ? upTo : events[^1].Position;
            progress?.Report(begin + (0.5 * last / upTo));
        }
    }

    /// <summary>The stream is named after the UTC date of admission, so that most of a long history need not be parsed.</summary>
    private bool MayBeAsked(string stream) =>
        stream.Length < 10
        || !DateOnly.TryParseExact(stream.AsSpan(stream.Length - 10), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
        || !((question.From is { } from && day < LocalDay.Of(from, TimeZoneInfo.Utc)) || (question.To is { } to && day > LocalDay.Of(to, TimeZoneInfo.Utc)));

    private bool Asked(RequestCompleted request) => Asked(request.TenantId, request.AdmittedAt);

    private bool Asked(SpendAdjusted adjusted) => Asked(adjusted.TenantId, adjusted.AdmittedAt);

    private bool Asked(string? tenant, DateTimeOffset admittedAt) =>
        (question.Tenant is null || question.Tenant == tenant) && !(admittedAt < question.From) && !(admittedAt >= question.To);

    private static RequestCompleted ReadRequest(StoredEvent stored) => StoredJson.Read(stored, ContractsJson.Default.RequestCompleted);

    private static SpendAdjusted ReadAdjustment(StoredEvent stored) => StoredJson.Read(stored, ContractsJson.Default.SpendAdjusted);
}
