using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Prices;

namespace CCGate.Projections.Settings;

/// <summary>Writes what is in force as the files that would declare it all, for whoever wants to go on with files.</summary>
internal sealed class ConfigExport(GatewayConfig config, DateTimeOffset now)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private readonly SecretPlaceholders secrets = new();

    /// <summary>By name, the files that have something to say. They hold no secret: keys of tenants are hashes, the others are variables that the first lines name.</summary>
    public static IReadOnlyDictionary<string, string> Files(GatewayConfig config, DateTimeOffset now)
    {
        var export = new ConfigExport(config, now);
        return new[] { export.Server(), export.Upstreams(), export.Tenants(), export.Prices() }.OfType<(string Name, string Text)>().ToDictionary(file => file.Name, file => file.Text);
    }

    /// <summary>What an operator declared means itself; in a file, <c>${NAME}</c> would be replaced.</summary>
    public static JsonNode? Literal(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, Literal(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Literal)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>().Replace("${", "$ {", StringComparison.Ordinal),
        _ => node?.DeepClone(),
    };

    private (string Name, string Text)? Server()
    {
        var document = ServerDocument.Changed(ServerDocument.Of(config, secrets), ServerDocument.Of(new GatewayConfig(), new SecretPlaceholders()));
        return (ServerFile.Name, Written(document, "the settings that are not as they are without this file, the operator's password as a hash."));
    }

    private (string Name, string Text)? Upstreams()
    {
        List<string> about = ["the upstreams of the file and those that operators declared, and how requests are spread."];
        about.AddRange(config.Upstreams.Where(upstream => upstream.Fault is not null).Select(upstream => $"Left out: {Line(upstream.Id)}, which cannot be used here: {Line(upstream.Fault!)}"));
        if (config.Upstreams.Where(upstream => upstream.Drained).Select(upstream => Line(upstream.Id)).ToList() is { Count: > 0 } drained)
        {
            about.Add($"Drained by an operator, which no file says: {string.Join(", ", drained)}");
        }

        return (UpstreamsFile.Name, Written(UpstreamExport.Of(config, secrets), [.. about]));
    }

    private (string Name, string Text)? Tenants()
    {
        var tenants = new JsonArray([.. config.Tenants.Select(tenant => Literal(TenantDocument.WithKeys(InTree(tenant))))]);
        return (TenantsFile.Name, Written(
            new JsonObject { ["tenants"] = tenants },
            "the tenants of the file and those that operators declared, with their keys as hashes.",
            "A secret that still works beside its replacement is not here, and a dollar sign before a brace stands apart, because this file is read with the environment's variables."));
    }

    /// <summary>One whose parent is not there is disabled already; a file that names that parent would not be read.</summary>
    private TenantConfig InTree(TenantConfig tenant) => config.PathOf(tenant).Last().Parent is null ? tenant : tenant with { Parent = null, Enabled = false };

    /// <summary>Null when there are only the shipped prices: a file would keep the name of this version for those of later ones.</summary>
    private (string Name, string Text)? Prices()
    {
        var own = config.Prices.Prices.Where(price => price.Precedence > 0).ToList();
        if (own.Count == 0 && config.Prices.Version == PriceBookFile.Shipped.Version)
        {
            return null;
        }

        List<string> about = ["the prices of the file and those that operators set; the shipped ones hold besides."];
        if (own.Select(price => price.Precedence).Distinct().Count() > 1)
        {
            about.Add("Those that operators set came before all of the file's; here the most specific name decides. Look through names with a * in them.");
        }

        var entries = own.GroupBy(price => (price.Model.ToUpperInvariant(), price.EffectiveFrom)).Select(same => PriceEntry.Of(same.MaxBy(price => price.Precedence)!));
        var document = new JsonObject
        {
            ["version"] = config.Prices.Version,
            ["prices"] = new JsonArray([.. entries.Select(entry => JsonSerializer.SerializeToNode(entry, ProjectionsJson.Default.PriceEntry))]),
        };
        return (ConfigDirectory.PricesName, Written(document, [.. about]));
    }

    private string Written(JsonObject document, params string[] about)
    {
        List<string> lines = [string.Create(CultureInfo.InvariantCulture, $"Written by CCGate on {now.UtcDateTime:yyyy-MM-dd HH:mm} UTC: {about[0]}"), .. about[1..]];
        if (secrets.Take() is { Count: > 0 } variables)
        {
            lines.Add($"Set these variables before it is read: {string.Join(", ", variables)}");
        }

        return string.Concat(lines.Select(line => $"// {line}\n")) + document.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
    }

    /// <summary>A comment ends with its line.</summary>
    private static string Line(string text) => string.Concat(text.Select(letter => char.IsControl(letter) || letter is '\u2028' or '\u2029' ? ' ' : letter));
}
