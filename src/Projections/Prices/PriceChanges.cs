using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Projections.Administration;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Prices;

/// <summary>What became of a change.</summary>
/// <param name="Id">The event that was appended; null when there was nothing to change, or it was only to be tried.</param>
/// <param name="Changed">Entries that are new or have other rates.</param>
/// <param name="Unchanged">Entries that are in force with the very same rates already.</param>
/// <param name="Withdrawn">Entries that were taken back.</param>
internal sealed record PriceChangeResult(Guid? Id, IReadOnlyList<string> Changed, IReadOnlyList<string> Unchanged, IReadOnlyList<string> Withdrawn);

/// <summary>A change of prices that cannot be made; the message says why.</summary>
internal sealed class PriceChangeRefusedException(string message) : Exception(message);

/// <summary>Reads and changes the prices that operators set at run time. The change is an event; every process puts it into force when it has read it.</summary>
internal sealed class PriceChanges(Database database, EventIntake intake, ProjectionRound round, TimeProvider time)
{
    /// <summary>The book in force once everything stored until now has been read.</summary>
    public async Task<PriceBook> ReadAsync(GatewayConfig files, CancellationToken cancellationToken) =>
        (await FactsAsync(cancellationToken)).Over(files).Prices;

    /// <exception cref="PriceChangeRefusedException">It would take back what nobody set.</exception>
    public async Task<PriceChangeResult> ApplyAsync(PriceChange change, GatewayConfig files, string by, bool dryRun, CancellationToken cancellationToken)
    {
        var facts = await FactsAsync(cancellationToken);
        Refuse(change, facts);
        var book = facts.Over(files).Prices;
        var changed = change.Prices.Where(price => !IsInForce(price, book)).ToList();
        var published = new PriceBookPublished
        {
            EventId = Guid.CreateVersion7(time.GetUtcNow()),
            Book = new PriceBook { Prices = changed },
            PublishedAt = time.GetUtcNow(),
            Origin = PriceBookPublished.OperatorOrigin,
            By = by,
            Reason = change.Reason.Length > 0 ? change.Reason : null,
            Withdrawn = change.Withdrawn.Count > 0 ? change.Withdrawn : null,
        };
        var append = !dryRun && changed.Count + change.Withdrawn.Count > 0;
        if (append && await intake.AcceptAsync([EventRecord.From(published)], cancellationToken) is [var rejected, ..])
        {
            throw new PriceChangeRefusedException(rejected.Reason);
        }

        return new PriceChangeResult(
            append ? published.EventId : null,
            [.. changed.Select(price => Name(price.Model, price.EffectiveFrom))],
            [.. change.Prices.Except(changed).Select(price => Name(price.Model, price.EffectiveFrom))],
            [.. change.Withdrawn.Select(entry => Name(entry.Model, entry.EffectiveFrom))]);
    }

    private async Task<AdministrationFacts> FactsAsync(CancellationToken cancellationToken)
    {
        // The table may be a moment behind the ledger, and an operator expects to find what was set just now.
        await round.CatchUpAsync(new AdministrationProjection(), cancellationToken);
        return await AdministrationTable.ReadAsync(database, AdministrationFacts.None, cancellationToken);
    }

    private static void Refuse(PriceChange change, AdministrationFacts facts)
    {
        foreach (var entry in change.Withdrawn.Where(entry => facts.Price(entry.Model, entry.EffectiveFrom) is null))
        {
            var others = facts.Prices.Where(price => string.Equals(price.Model, entry.Model, StringComparison.OrdinalIgnoreCase)).Select(price => Date(price.EffectiveFrom)).ToList();
            throw new PriceChangeRefusedException(others.Count > 0
                ? $"No operator set a price of {entry.Model} from {Date(entry.EffectiveFrom)}; there is one from {string.Join(", ", others)}."
                : $"No operator set a price of {entry.Model} at run time. Shipped prices and those of prices.json cannot be removed here: set another one, or change the file.");
        }
    }

    /// <summary>Whether everything would stay as it is: the model, or the entry of the same pattern and date, has these very rates already.</summary>
    private static bool IsInForce(ModelPrice price, PriceBook book)
    {
        var known = ModelPattern.IsWildcard(price.Model)
            ? book.Prices.Where(other => string.Equals(other.Model, price.Model, StringComparison.OrdinalIgnoreCase) && other.EffectiveFrom == price.EffectiveFrom)
                .MaxBy(other => other.Precedence)
            : PriceList.Find(book, price.Model, price.EffectiveFrom);
        return known is not null && SameRates(known, price);
    }

    private static bool SameRates(ModelPrice one, ModelPrice other) =>
        one.PerMillion == other.PerMillion
        && one.PerThousand == other.PerThousand
        && one.AboveInputTokens.OrderBy(tier => tier.Tokens).SequenceEqual(other.AboveInputTokens.OrderBy(tier => tier.Tokens))
        && Same(one.Speed, other.Speed)
        && Same(one.InferenceGeo, other.InferenceGeo)
        && Same(one.ServiceTier, other.ServiceTier);

    private static bool Same<T>(IReadOnlyDictionary<string, T> one, IReadOnlyDictionary<string, T> other) =>
        one.Count == other.Count && one.All(entry => other.TryGetValue(entry.Key, out var value) && Equals(entry.Value, value));

    private static string Name(string model, DateOnly from) => $"{model} from {Date(from)}";

    private static string Date(DateOnly from) => from == DateOnly.MinValue ? "ever" : from.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
