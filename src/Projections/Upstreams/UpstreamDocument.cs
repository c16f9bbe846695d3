using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;

namespace CCGate.Projections.Upstreams;

/// <summary>Checks a document that an operator sends by the reader that reads the files, and by what holds for such documents alone.</summary>
internal static partial class UpstreamDocument
{
    private const int MaxDepth = 32;

    /// <summary>The upstream with the secrets that were left out.</summary>
    /// <param name="change">What was sent.</param>
    /// <param name="id">Which upstream is changed; null for a new one.</param>
    /// <param name="before">How it is kept; null for a new one.</param>
    /// <exception cref="ChangeRefusedException">Something is wrong.</exception>
    public static JsonObject Read(ChangeRequest change, string? id, JsonElement? before)
    {
        var sent = change.Document("an object as in upstreams.json");
        CheckStrings(sent);
        change.Check(); // What is written twice cannot be made a node.
        var whole = JsonObject.Create(sent.Element)!;
        whole["id"] ??= id;
        if (before is { } kept)
        {
            UpstreamSecrets.Keep(whole, kept);
        }

        foreach (var (name, _) in whole["headers"] is JsonObject headers ? headers.Where(header => header.Value is null) : [])
        {
            sent.Error($"headers.{name}", "is null, which keeps what it was, and there is nothing to keep");
        }

        Check(change.Node(JsonElement.Parse(whole.ToJsonString()), sent.Path), id);
        change.Check();
        return whole;
    }

    /// <summary>Texts that only files may have, and members that are written twice.</summary>
    public static void CheckStrings(ConfigNode node) => CheckStrings(node, node.Element, "", depth: 0);

    private static void Check(ConfigNode node, string? id)
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
    }

    private static void CheckStrings(ConfigNode node, JsonElement value, string at, int depth)
    {
        if (depth > MaxDepth)
        {
            node.Error("", "is nested too deeply");
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var member in value.EnumerateObject())
            {
                var path = at.Length == 0 ? member.Name : $"{at}.{member.Name}";
                if (!names.Add(member.Name))
                {
                    node.Error(path, "is written twice; remove one");
                }

                CheckStrings(node, member.Value, path, depth + 1);
            }
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var (index, item) in value.EnumerateArray().Index())
            {
                CheckStrings(node, item, $"{at}[{index}]", depth + 1);
            }
        }
        else if (value.ValueKind == JsonValueKind.String && value.GetString()! is var text && (text.Contains("${", StringComparison.Ordinal) || UpstreamSecrets.IsSealed(Uri.UnescapeDataString(text))))
        {
            node.Error(at, "names a variable of the environment, or begins as kept secrets do: ${NAME} is for the files alone, here write the value itself");
        }
    }

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    private static partial Regex Id();
}
