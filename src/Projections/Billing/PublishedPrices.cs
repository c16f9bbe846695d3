using System.Text.Json;
using CCGate.Contracts;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Billing;

/// <summary>The price books of the ledger, by version. Two proxies may publish different books under one version; a price of any of them counts.</summary>
internal sealed class PublishedPrices
{
    private readonly Dictionary<string, List<PriceBook>> books = [];

    /// <summary>Whether the event was a price book; the whole ledger is looked through, since a book may arrive after the requests it priced.</summary>
    /// <exception cref="JsonException">It is one and cannot be read.</exception>
    public void Add(StoredEvent stored)
    {
        if (stored.Type != EventTypes.PriceBookPublished)
        {
            return;
        }

        var published = JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.PriceBookPublished);
        if (published is { IsChange: true })
        {
            // The book that it led to is published by the proxies that put it into force.
            return;
        }

        var book = published?.Book ?? throw new JsonException("There is no book in it.");
        if (!books.TryGetValue(book.Version, out var versions))
        {
            books[book.Version] = versions = [];
        }

        versions.Add(book);
    }

    /// <summary>Every amount the attempt may owe; null when nobody published its version.</summary>
    public IReadOnlyList<decimal>? Spend(Attempt attempt, DateTimeOffset admittedAt) =>
        books.GetValueOrDefault(attempt.PriceVersion ?? "")?
            .Select(book => book.Spend(attempt.ProviderModel ?? "", attempt.Usage ?? new TokenUsage(), admittedAt, attempt.CostMultiplier))
            .OfType<decimal>()
            .ToList();
}
