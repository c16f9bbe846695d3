using CCGate.Contracts;
using System.Text.Json;

namespace CCGate.Hosting.Configuration;

/// <summary>What reading the directory gave: a snapshot when nothing is wrong, and everything there is to say.</summary>
internal sealed record ConfigReading(GatewayConfig? Config, IReadOnlyList<ConfigProblem> Problems)
{
    public IEnumerable<ConfigProblem> Errors => Problems.Where(problem => !problem.IsWarning);
}

/// <summary>The directory with server.json, upstreams.json, tenants.json and prices.json; a file that is missing has its defaults.</summary>
internal sealed class ConfigDirectory(DirectoryInfo directory)
{
    public const string PricesName = "prices.json";

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static readonly string[] Files = [ServerFile.Name, UpstreamsFile.Name, TenantsFile.Name, PricesName];

    public string Path => directory.FullName;

    public bool Exists => directory.Exists;

    public ConfigReading Read()
    {
        var problems = new List<ConfigProblem>();
        if (!directory.Exists)
        {
            problems.Add(new ConfigProblem(directory.FullName, "$", "there is no such directory", "--config names the directory with server.json, upstreams.json, tenants.json", false));
            return new ConfigReading(null, problems);
        }

        var config = new GatewayConfig();
        config = ReadFile(ServerFile.Name, config, problems, ServerFile.Read);
        config = ReadFile(UpstreamsFile.Name, config, problems, (root, read) => UpstreamsFile.Read(root, read, directory));
        config = ReadFile(TenantsFile.Name, config, problems, TenantsFile.Read);
        config = ReadFile(PricesName, config with { Prices = PriceBookFile.Shipped }, problems, ReadPrices);
        CheckTogether(config, problems);
        return new ConfigReading(problems.Any(problem => !problem.IsWarning) ? null : config, problems);
    }

    /// <summary>The names of the files that are there.</summary>
    public IReadOnlyList<string> Present() => [.. Files.Where(name => File.Exists(System.IO.Path.Combine(directory.FullName, name)))];

    /// <summary>Changes when a file was written, appeared or went.</summary>
    public string Stamp() => string.Join('|', Files.Select(name =>
    {
        var file = new FileInfo(System.IO.Path.Combine(directory.FullName, name));
        return file.Exists ? $"{file.LastWriteTimeUtc.Ticks}:{file.Length}" : "-";
    }));

    private GatewayConfig ReadFile(string name, GatewayConfig config, List<ConfigProblem> problems, Func<ConfigNode, GatewayConfig, GatewayConfig> read)
    {
        var path = System.IO.Path.Combine(directory.FullName, name);
        if (!File.Exists(path))
        {
            return config;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), Lenient);
            if (!JsonStrings.AreText(document.RootElement))
            {
                problems.Add(new ConfigProblem(name, "$", JsonStrings.Problem, null, IsWarning: false));
                return config;
            }

            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return read(new ConfigNode(document.RootElement.Clone(), name, "$", problems), config);
            }

            problems.Add(new ConfigProblem(name, "$", "is not an object", "{ … }", IsWarning: false));
        }
        catch (JsonException error)
        {
            problems.Add(new ConfigProblem(name, "$", $"is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", "JSON; comments and trailing commas are fine", IsWarning: false));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problems.Add(new ConfigProblem(name, "$", $"cannot be read: {error.Message}", null, IsWarning: false));
        }

        return config;
    }

    private static GatewayConfig ReadPrices(ConfigNode root, GatewayConfig config)
    {
        var errors = new List<(string Path, string Message)>();
        var own = PriceBookFile.Read(root.Element, errors);
        foreach (var (path, message) in errors)
        {
            root.Error(path.TrimStart('$').TrimStart('.'), message);
        }

        return own is null ? config : config with { Prices = PriceBookFile.Merge(config.Prices, own) };
    }

    private static void CheckTogether(GatewayConfig config, List<ConfigProblem> problems)
    {
        if (!config.Upstreams.Any(upstream => upstream.Enabled))
        {
            problems.Add(new ConfigProblem(UpstreamsFile.Name, "$.upstreams", "no upstream is enabled: every request will be refused", null, IsWarning: true));
        }

        if (config.Tenants.Length == 0)
        {
            problems.Add(new ConfigProblem(TenantsFile.Name, "$.tenants", "there is no tenant: every request will be refused", null, IsWarning: true));
        }

        foreach (var (index, tenant) in config.Tenants.Index())
        {
            if (config.Upstreams.Length > 0 && !config.Upstreams.Any(upstream => upstream.Groups.Intersect(tenant.Groups).Any()))
            {
                problems.Add(new ConfigProblem(TenantsFile.Name, $"$.tenants[{index}].groups", "no upstream is in any of these groups", string.Join(", ", config.Upstreams.SelectMany(upstream => upstream.Groups).Distinct()), IsWarning: true));
            }

            foreach (var (place, model) in tenant.AllowedModels.Index())
            {
                if (!ModelPattern.IsWildcard(model) && !config.Upstreams.Any(upstream => upstream.Enabled && upstream.Groups.Intersect(tenant.Groups).Any() && upstream.Serves(model)))
                {
                    problems.Add(new ConfigProblem(
                        TenantsFile.Name, $"$.tenants[{index}].allowedModels[{place}]", $"no enabled upstream of the tenant's groups serves \"{model}\"", "a model that an upstream names in models or modelMapping", IsWarning: true));
                }
            }
        }

        CheckBalancing(config, problems);
    }

    private static void CheckBalancing(GatewayConfig config, List<ConfigProblem> problems)
    {
        foreach (var (pattern, _) in config.LoadBalancer.Models)
        {
            if (!ModelPattern.IsWildcard(pattern) && !config.Upstreams.Any(upstream => upstream.Serves(pattern)))
            {
                problems.Add(new ConfigProblem(UpstreamsFile.Name, $"$.loadBalancer.models.{pattern}", "no upstream serves this model", null, IsWarning: true));
            }
        }

        foreach (var group in config.LoadBalancer.Groups.Keys.Where(group => !config.Tenants.Any(tenant => tenant.Groups.Contains(group))))
        {
            problems.Add(new ConfigProblem(UpstreamsFile.Name, $"$.loadBalancer.groups.{group}", "no tenant is in this group", null, IsWarning: true));
        }
    }
}
