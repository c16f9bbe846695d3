using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Upstreams;

/// <summary>Checks a document that an operator sends by the reader that reads the files, and by what holds for such documents alone.</summary>
internal static partial class UpstreamDocument
{
    private const string Root = "$.document";
    private const int MaxDepth = 32;

    /// <summary>The upstream with the secrets that were left out; null with what is wrong, by JSON path.</summary>
    /// <param name="document">As it was sent.</param>
    /// <param name="id">Which upstream is changed; null for a new one.</param>
    /// <param name="before">How it is kept; null for a new one.</param>
    /// <param name="errors">Takes what is wrong.</param>
    public static JsonObject? Read(JsonElement document, string? id, JsonElement? before, Dictionary<string, string[]> errors)
    {
        CheckStrings(document, Root, errors, depth: 0);
        if (errors.Count > 0 || document.ValueKind != JsonValueKind.Object)
        {
            errors.TryAdd(Root, ["is no upstream: write an object as in upstreams.json"]);
            return null;
        }

        var whole = (JsonObject)JsonNode.Parse(document.GetRawText())!;
        whole["id"] ??= id;
        if (before is { } kept)
        {
            UpstreamSecrets.Keep(whole, kept);
        }

        foreach (var (name, _) in whole["headers"] is JsonObject headers ? headers.Where(header => header.Value is null) : [])
        {
            errors[$"{Root}.headers.{name}"] = ["is null, which keeps what it was, and there is nothing to keep"];
        }

        Check(JsonElement.Parse(whole.ToJsonString()), id, errors);
        return errors.Count > 0 ? null : whole;
    }

    /// <summary>A section of the routing by the reader of its file.</summary>
    public static void Check(JsonElement section, string path, Action<ConfigNode> read, Dictionary<string, string[]> errors)
    {
        CheckStrings(section, path, errors, depth: 0);
        if (section.ValueKind != JsonValueKind.Object)
        {
            errors.TryAdd(path, ["is not an object; null goes back to the file's"]);
        }
        else if (errors.Count == 0)
        {
            Run(section, path, read, errors);
        }
    }

    private static void Check(JsonElement whole, string? id, Dictionary<string, string[]> errors) => Run(
        whole,
        Root,
        node =>
        {
            var upstream = UpstreamsFile.ReadUpstream(node, directory: null);
            if (upstream is not null && !Id().IsMatch(upstream.Id))
            {
                node.Error("id", "is not an id", "letters, digits, dots, hyphens and underscores, at most 100, the first a letter or a digit");
            }
            else if (upstream is not null && id is not null && upstream.Id != id)
            {
                node.Error("id", $"is not \"{id}\"", "the id in the address, or none");
            }
        },
        errors);

    /// <summary>What a file only warns of is an error too: a misspelt key would be kept unsealed for ever.</summary>
    private static void Run(JsonElement element, string path, Action<ConfigNode> read, Dictionary<string, string[]> errors)
    {
        var problems = new List<ConfigProblem>();
        read(new ConfigNode(element, "", path, problems, isLiteral: true));
        foreach (var problem in problems.GroupBy(problem => problem.Path, problem => $"{problem.Message}{(problem.Allowed is null ? "" : $" (allowed: {problem.Allowed})")}"))
        {
            errors[problem.Key] = [.. problem];
        }
    }

    private static void CheckStrings(JsonElement value, string path, Dictionary<string, string[]> errors, int depth)
    {
        if (depth > MaxDepth)
        {
            errors[Root] = ["is nested too deeply"];
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var member in value.EnumerateObject())
            {
                if (!names.Add(member.Name))
                {
                    errors[$"{path}.{member.Name}"] = ["is written twice; remove one"];
                }

                CheckStrings(member.Value, $"{path}.{member.Name}", errors, depth + 1);
            }
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var (index, item) in value.EnumerateArray().Index())
            {
                CheckStrings(item, $"{path}[{index}]", errors, depth + 1);
            }
        }
        else if (value.ValueKind == JsonValueKind.String && value.GetString()! is var text && (text.Contains("${", StringComparison.Ordinal) || UpstreamSecrets.IsSealed(Uri.UnescapeDataString(text))))
        {
            errors[path] = ["names a variable of the environment, or begins as kept secrets do: ${NAME} is for the files alone, here write the value itself"];
        }
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    private static partial Regex Id();
}
