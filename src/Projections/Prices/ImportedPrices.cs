using CCGate.Contracts;

namespace CCGate.Projections.Prices;

/// <summary>What a price file of somebody else gave.</summary>
/// <param name="Prices">The entries that say everything there is to bill.</param>
/// <param name="Skipped">The entries that do not, and why.</param>
/// <param name="OtherProviders">Entries of providers that nobody asked for.</param>
internal sealed record ImportedPrices(IReadOnlyList<ModelPrice> Prices, IReadOnlyList<SkippedPrice> Skipped, int OtherProviders);

/// <summary>An entry that was left out.</summary>
internal sealed record SkippedPrice(string Model, string Reason);

/// <summary>What an import did, or would do.</summary>
internal sealed record ImportReport(
    bool DryRun, Guid? Id, IReadOnlyList<string> Imported, IReadOnlyList<string> Unchanged, IReadOnlyList<SkippedPrice> Skipped, int OtherProviders);
