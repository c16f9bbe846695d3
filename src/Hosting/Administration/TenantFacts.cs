using System.Collections.Immutable;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Administration;

/// <summary>The tenants that operators declared at run time and the keys they issued.</summary>
internal sealed record TenantFacts
{
    public static readonly TenantFacts None = new();

    /// <summary>By id, those that were not removed.</summary>
    public ImmutableSortedDictionary<string, Declaration> Declared { get; private init; } = ImmutableSortedDictionary.Create<string, Declaration>(StringComparer.Ordinal);

    /// <summary>The facts with one more.</summary>
    /// <exception cref="JsonException">The event cannot be read.</exception>
    public TenantFacts With(long position, string type, string data) => type switch
    {
        EventTypes.TenantChanged => With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.TenantChanged)!),
        _ => this,
    };

    /// <summary>The snapshot with these tenants and keys.</summary>
    public GatewayConfig Over(GatewayConfig files) => Declared.IsEmpty ? files : files with { };

    private TenantFacts With(long position, TenantChanged changed) => this with
    {
        Declared = changed.Document is { } document
            ? Declared.SetItem(changed.TenantId, new Declaration(position, document, changed.By, changed.At))
            : Declared.Remove(changed.TenantId),
    };
}

/// <summary>Something as an operator last declared it.</summary>
/// <param name="Version">The position of that change.</param>
/// <param name="Document">As it would be written in a file.</param>
internal sealed record Declaration(long Version, JsonElement Document, string By, DateTimeOffset At);
