using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Storage;
using CCGate.Projections.Administration;
using CCGate.Projections.Upstreams;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Projections.Settings;

/// <summary>What a process was told.</summary>
/// <param name="Version">The gateway's.</param>
/// <param name="StartedAt">When the process started.</param>
/// <param name="Mode"><c>run</c>, or <c>projections</c> where the roles are processes of their own.</param>
/// <param name="Configuration">Where its settings are from.</param>
/// <param name="Settings">Those that are set or have a default, without secrets.</param>
internal sealed record SettingsReport(string Version, DateTimeOffset StartedAt, [property: AllowedValues("run", "projections")] string Mode, ConfigurationFiles Configuration, IReadOnlyList<Setting> Settings);

/// <summary>The configuration directory and those of its files that are there.</summary>
/// <param name="Directory">Null for what the environment or the demo says.</param>
/// <param name="Files">Their names.</param>
internal sealed record ConfigurationFiles(string? Directory, IReadOnlyList<string> Files);

/// <summary>A setting of server.json, or of the load balancer.</summary>
/// <param name="Name">Its path, such as <c>limits.maxBodyBytes</c>.</param>
/// <param name="Value">What is in force; a variable where there is a secret.</param>
/// <param name="Source">The file, <c>operator</c>, <c>environment</c> or <c>default</c>.</param>
internal sealed record Setting(string Name, JsonNode Value, string Source);

/// <summary>The configuration in force, as files.</summary>
internal sealed record ConfigurationExport
{
    [System.Text.Json.Serialization.JsonPropertyName("server.json")]
    public string? Server { get; init; }

    [System.Text.Json.Serialization.JsonPropertyName("upstreams.json")]
    public string? Upstreams { get; init; }

    [System.Text.Json.Serialization.JsonPropertyName("tenants.json")]
    public string? Tenants { get; init; }

    [System.Text.Json.Serialization.JsonPropertyName("prices.json")]
    public string? Prices { get; init; }

    public static ConfigurationExport Of(IReadOnlyDictionary<string, string> files) => new()
    {
        Server = files.GetValueOrDefault(ServerFile.Name),
        Upstreams = files.GetValueOrDefault(UpstreamsFile.Name),
        Tenants = files.GetValueOrDefault(TenantsFile.Name),
        Prices = files.GetValueOrDefault(ConfigDirectory.PricesName),
    };
}

/// <summary><c>GET /api/settings</c> and <c>GET /api/export-config</c>: what this gateway was told, to look at and to take along.</summary>
internal static class SettingsEndpoints
{
    private const string Hidden = "•••";

    public static void MapSettings(this IEndpointRouteBuilder api)
    {
        api.MapGet("/settings", Show)
            .WithSummary("Shows the settings in force").WithDescription($"Each with where it comes from; a secret that is set is {Hidden}.").Produces<SettingsReport>();

        // The hash of a password can be guessed at: not for who may only look.
        api.MapGet("/export-config", ExportAsync).RequireAuthorization(OperatorPolicies.OperatorAdmin)
            .WithSummary("Writes the configuration in force as files")
            .WithDescription("The text of each file, with what operators changed at run time in it. Keys of tenants and the operator's password are hashes; for every other secret there is a variable of the environment, which the first lines name. "
                + "Without prices.json while only the shipped prices hold.")
            .Produces<ConfigurationExport>().ProducesProblem(StatusCodes.Status403Forbidden);
    }

    private static JsonHttpResult<SettingsReport> Show(HttpContext http, ConfigSource config, Database database)
    {
        using var process = Process.GetCurrentProcess();
        var directory = http.RequestServices.GetService<ConfigDirectory>();
        return TypedResults.Json(
            new SettingsReport(
                typeof(SettingsEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
                process.StartTime.ToUniversalTime(),
                database is SqliteDatabase ? "run" : "projections",
                new ConfigurationFiles(directory?.Path, directory?.Present() ?? []),
                [.. Settings(config, hasFiles: directory is not null)]),
            ProjectionsJson.Default.SettingsReport);
    }

    private static IEnumerable<Setting> Settings(ConfigSource source, bool hasFiles)
    {
        var (config, usual, routing) = (source.Current, new GatewayConfig(), source.Facts.Upstreams.Routing);
        var server = Flat("", ServerDocument.Of(config, new SecretPlaceholders()), ServerDocument.Of(usual, new SecretPlaceholders()));
        var balancer = Flat("loadBalancer.", Balancer(config), Balancer(usual));
        foreach (var (name, value, isDefault) in server.Concat(balancer))
        {
            var isRouted = (name.StartsWith("openai.", StringComparison.Ordinal) && routing?.OpenAi is not null) || (name.StartsWith("loadBalancer.", StringComparison.Ordinal) && routing?.LoadBalancer is not null);
            var file = name.StartsWith("loadBalancer.", StringComparison.Ordinal) ? UpstreamsFile.Name : ServerFile.Name;
            var isSecret = name == "admin.passwordHash" || (value is JsonValue text && text.TryGetValue<string>(out var written) && written.StartsWith("${", StringComparison.Ordinal));
            yield return new Setting(name, isSecret ? Hidden : value, isRouted ? "operator" : isDefault ? "default" : hasFiles ? file : "environment");
        }
    }

    private static JsonObject Balancer(GatewayConfig config) => (JsonObject)JsonNode.Parse(RoutingDocument.Of(config.LoadBalancer).GetRawText())!;

    /// <summary>Section by section, what is not null.</summary>
    private static IEnumerable<(string Name, JsonNode Value, bool IsDefault)> Flat(string prefix, JsonObject document, JsonObject? usual)
    {
        foreach (var (name, value) in document)
        {
            if (value is JsonObject { Count: > 0 } section)
            {
                foreach (var inner in Flat($"{prefix}{name}.", section, usual?[name] as JsonObject))
                {
                    yield return inner;
                }
            }
            else if (value is not null)
            {
                yield return (prefix + name, value.DeepClone(), JsonNode.DeepEquals(value, usual?[name]));
            }
        }
    }

    private static async Task<JsonHttpResult<ConfigurationExport>> ExportAsync(ConfigSource config, OperatorChanges changes, TimeProvider time, CancellationToken cancellationToken)
    {
        await changes.ReadAsync(cancellationToken);
        return TypedResults.Json(ConfigurationExport.Of(ConfigExport.Files(config.Current, time.GetUtcNow())), ProjectionsJson.Default.ConfigurationExport);
    }
}
