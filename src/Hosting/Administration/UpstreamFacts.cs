using System.Collections.Immutable;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Administration;

/// <summary>The upstreams that operators declared at run time, the orders they gave, and how requests are spread.</summary>
internal sealed record UpstreamFacts
{
    public static readonly UpstreamFacts None = new();

    /// <summary>By id, those that were not removed.</summary>
    public ImmutableSortedDictionary<string, Declaration> Declared { get; private init; } = ImmutableSortedDictionary.Create<string, Declaration>(StringComparer.Ordinal);

    /// <summary>The facts with one more.</summary>
    /// <exception cref="JsonException">The event cannot be read.</exception>
    public UpstreamFacts With(long position, string type, string data) => type switch
    {
        EventTypes.UpstreamChanged => With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.UpstreamChanged)!),
        _ => this,
    };

    /// <summary>The snapshot with these upstreams.</summary>
    public GatewayConfig Over(GatewayConfig files) => Declared.IsEmpty ? files : files with { };

    private UpstreamFacts With(long position, UpstreamChanged changed) => this with
    {
        Declared = changed.Document is { } document
            ? Declared.SetItem(changed.UpstreamId, new Declaration(position, document, changed.By, changed.At))
            : Declared.Remove(changed.UpstreamId),
    };
}
