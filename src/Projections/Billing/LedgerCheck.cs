using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Billing;

/// <summary>Goes through the ledger once and keeps what does not agree.</summary>
internal sealed class LedgerCheck
{
    /// <summary>A broken read model differs in every row; nobody reads further than this.</summary>
    private const int MaxDifferences = 1000;

    /// <summary>What begins the price version of an amount that another gateway recorded: it was not made of a price book here.</summary>
    private const string Imported = "imported:";

    private readonly BillingPeriod period;
    private readonly PublishedPrices prices;
    private readonly AdjustmentCheck adjustments;
    private readonly List<BillingDifference> differences = [];
    private readonly SpendRecount recount = new();
    private readonly HashSet<Guid> requests = [];
    private readonly Dictionary<string, long> versions = new(StringComparer.Ordinal);
    private long differenceCount;
    private long events;
    private long requestCount;
    private long attemptCount;
    private decimal spendUsd;

    public LedgerCheck(BillingPeriod period, PublishedPrices prices)
    {
        (this.period, this.prices) = (period, prices);
        adjustments = new AdjustmentCheck(prices, Report);
    }

    /// <summary>Takes what requests are checked against, before any of those: prices, wherever they are, and adjustments up to the position of the rows.</summary>
    public void Prepare(StoredEvent stored, long position)
    {
        if (stored.Type == EventTypes.PriceBookPublished)
        {
            Guard(stored, () => prices.Add(stored));
        }
        else if (stored.Type == EventTypes.SpendAdjusted && stored.Position <= position)
        {
            Guard(stored, () => Add(Adjustment(stored)));
        }
    }

    public void Add(StoredEvent stored)
    {
        events++;
        CheckVersion(stored);
        if (stored.Type == EventTypes.RequestCompleted)
        {
            Guard(stored, () => Add(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.RequestCompleted)!));
        }
    }

    /// <summary>What cannot be read is a finding, not the end of the check.</summary>
    private void Guard(StoredEvent stored, Action read)
    {
        try
        {
            read();
        }
        catch (Exception malformed) when (malformed is JsonException or NullReferenceException or ArgumentException)
        {
            Report(DifferenceKind.Unreadable, $"event {stored.Id} at position {stored.Position}", stored.Type, malformed.Message);
        }
    }

    private static SpendAdjusted Adjustment(StoredEvent stored)
    {
        var adjusted = JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted)!;
        return adjusted.Lines.Contains(null!) ? throw new JsonException("A line is null.") : adjusted;
    }

    public void Compare(IReadOnlyDictionary<RecountKey, RecountNumbers> rows)
    {
        adjustments.Finish(period);
        foreach (var (key, counted) in recount.Rows)
        {
            if (!rows.TryGetValue(key, out var row))
            {
                Report(DifferenceKind.MissingRow, key.ToString(), counted.ToString(), "no row");
            }
            else if (row != counted)
            {
                Report(DifferenceKind.Row, key.ToString(), counted.ToString(), row.ToString());
            }
        }

        foreach (var (key, row) in rows)
        {
            if (!recount.Rows.ContainsKey(key))
            {
                Report(DifferenceKind.ExtraRow, key.ToString(), "no row", row.ToString());
            }
        }
    }

    public BillingReport Report(SpendSnapshot snapshot) => new(
        snapshot.Position, events, requestCount, attemptCount, spendUsd, snapshot.Rows.Values.Sum(row => row.SpendUsd), differenceCount, differences);

    private void Add(RequestCompleted completed)
    {
        if (!period.Contains(completed.AdmittedAt))
        {
            return;
        }

        requestCount++;
        if (!requests.Add(completed.RequestId))
        {
            Report(DifferenceKind.DuplicateRequest, $"request {completed.RequestId}", "one event", "another one");
        }

        IReadOnlyList<Attempt> attempts = completed.Attempts ?? [];
        foreach (var attempt in attempts)
        {
            CheckAttempt(completed, attempt);
        }

        var sum = attempts.Sum(attempt => attempt.SpendUsd);
        if (sum != completed.SpendUsd)
        {
            Report(DifferenceKind.RequestSpend, $"request {completed.RequestId}", Usd(sum), Usd(completed.SpendUsd));
        }

        adjustments.Check(completed);
        recount.Add(completed);
    }

    private void Add(SpendAdjusted adjusted)
    {
        adjustments.Collect(adjusted);
        if (period.Contains(adjusted.AdmittedAt))
        {
            spendUsd += adjusted.Lines.Sum(line => line.SpendUsd);
            recount.Add(adjusted);
        }
    }

    private void CheckAttempt(RequestCompleted completed, Attempt attempt)
    {
        attemptCount++;
        spendUsd += attempt.SpendUsd;
        var subject = $"request {completed.RequestId} attempt {attempt.Number} model {attempt.ProviderModel}";
        if (attempt.PriceVersion is null)
        {
            if (attempt.SpendUsd != 0)
            {
                Report(DifferenceKind.AttemptSpend, subject, "0 without a price", Usd(attempt.SpendUsd));
            }

            return;
        }

        if (attempt.PriceVersion.StartsWith(Imported, StringComparison.Ordinal))
        {
            return;
        }

        var possible = prices.Spend(attempt, completed.AdmittedAt);
        if (possible is null)
        {
            Report(DifferenceKind.UnknownPriceVersion, subject, "a published price book", attempt.PriceVersion);
        }
        else if (!possible.Contains(attempt.SpendUsd))
        {
            var expected = possible.Count == 0 ? $"a price in {attempt.PriceVersion}" : string.Join(" or ", possible.Select(Usd));
            Report(DifferenceKind.AttemptSpend, subject, expected, Usd(attempt.SpendUsd));
        }
    }

    private void CheckVersion(StoredEvent stored)
    {
        var expected = versions.GetValueOrDefault(stored.Stream) + 1;
        if (stored.Version != expected)
        {
            Report(
                DifferenceKind.VersionGap,
                $"stream {stored.Stream} at position {stored.Position}",
                expected.ToString(CultureInfo.InvariantCulture),
                stored.Version.ToString(CultureInfo.InvariantCulture));
        }

        versions[stored.Stream] = stored.Version;
    }

    private void Report(DifferenceKind kind, string subject, string expected, string actual)
    {
        differenceCount++;
        if (differences.Count < MaxDifferences)
        {
            differences.Add(new BillingDifference(kind, subject, expected, actual));
        }
    }

    public static string Usd(decimal amount) => amount.ToString("0.############################", CultureInfo.InvariantCulture) + " USD";
}
