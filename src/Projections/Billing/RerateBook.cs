using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Billing;

/// <summary>The price book of a re-rating: an operator's entries before the shipped ones, as the gateway would use them.</summary>
internal static class RerateBook
{
    /// <summary>Null when it is none; the errors say why.</summary>
    public static PriceBook? Read(JsonElement root, List<(string Path, string Message)> errors) =>
        PriceBookFile.Read(root, errors) is { } own ? PriceBookFile.Merge(PriceBookFile.Shipped, own) : null;

    /// <summary>Why the book cannot be charged by: a charge names the version that gave its amount, so a version must mean one thing, in the ledger and in what is published yet.</summary>
    public static async Task<string?> RefusalAsync(PriceBook book, PriceBook inForce, IEventStore store, CancellationToken cancellationToken)
    {
        static Guid Content(PriceBook book) => PriceBookPublished.Of(book, default).EventId;

        var mine = Content(book);
        var known = await PriceStream.ReadAsync(store, cancellationToken).AnyAsync(stored => stored.Book.Version == book.Version && stored.Id != mine, cancellationToken);
        return known || ((PriceBook[])[PriceBookFile.Shipped, inForce]).Any(other => other.Version == book.Version && Content(other) != mine)
            ? $"there is another price book of version '{book.Version}' already; change \"version\" in it."
            : null;
    }
}
