using System.Runtime.CompilerServices;
using CCGate.Contracts;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Billing;

/// <summary>A price book of the ledger, and the id that stands for its content.</summary>
internal sealed record StoredPriceBook(Guid Id, PriceBook Book);

/// <summary>The price books that were published, without reading the rest of the ledger.</summary>
internal static class PriceStream
{
    private const int PageSize = 20;

    /// <exception cref="UnreadableEventException">One of them cannot be read.</exception>
    public static async IAsyncEnumerable<StoredPriceBook> ReadAsync(IEventStore store, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (long last = 0; await store.ReadStreamAsync("prices", last, PageSize, cancellationToken) is { Count: > 0 } page; last = page[^1].Version)
        {
            foreach (var stored in page.Where(stored => stored.Type == EventTypes.PriceBookPublished))
            {
                // An operator's change is no book: the one it led to is published by the proxies that put it into force.
                var published = StoredJson.Read(stored, ContractsJson.Default.PriceBookPublished);
                if (!published.IsChange)
                {
                    yield return new StoredPriceBook(stored.Id, published.Book ?? throw new UnreadableEventException(stored, "there is no book in it."));
                }
            }
        }
    }
}
