using System.Globalization;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Upstreams;

namespace CCGate.Projections.Settings;

/// <summary>Writes upstreams.json from what is in force: each entry as it was declared, variables in place of its secrets.</summary>
internal static class UpstreamExport
{
    public static JsonObject Of(GatewayConfig config, SecretPlaceholders secrets) => new()
    {
        ["upstreams"] = new JsonArray([.. config.Upstreams.Where(upstream => upstream.Fault is null).Select(upstream => (JsonNode)Of(upstream, secrets))]),
        ["loadBalancer"] = JsonNode.Parse(RoutingDocument.Of(config.LoadBalancer).GetRawText()),
    };

    private static JsonObject Of(UpstreamConfig upstream, SecretPlaceholders secrets)
    {
        var document = upstream.Document is { } declared
            ? (JsonObject)JsonNode.Parse(declared.GetRawText())!
            : new JsonObject { ["id"] = upstream.Id, ["kind"] = upstream.Kind.ToString().ToLowerInvariant(), ["url"] = upstream.Url?.OriginalString };
        document = upstream.Version is null ? document : (JsonObject)ConfigExport.Literal(document)!;
        var prefix = $"UPSTREAM_{upstream.Id}_";
        if (upstream.Keys is [_])
        {
            document["key"] = secrets.Add(prefix + "KEY");
        }
        else if (!upstream.Keys.IsEmpty)
        {
            document["keys"] = TenantDocument.Strings(upstream.Keys.Select((_, index) => secrets.Add(string.Create(CultureInfo.InvariantCulture, $"{prefix}KEY_{index + 1}"))));
        }

        if (document["headers"] is JsonObject headers)
        {
            foreach (var name in headers.Select(header => header.Key).ToList())
            {
                headers[name] = secrets.Add($"{prefix}HEADER_{name}");
            }
        }

        // What a file has behind a variable is still there, its login too.
        if (upstream.Proxy is { UserInfo.Length: > 0 } proxy && document["proxy"]?.GetValue<string>().Contains("${", StringComparison.Ordinal) != true)
        {
            document["proxy"] = secrets.WithoutLogin(proxy, prefix + "PROXY_PASSWORD");
        }

        return document;
    }
}
