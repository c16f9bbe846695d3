using System.CommandLine;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary>Options that are members of a document: each writes one place of it, and what is not said stays as it is.</summary>
internal sealed class DocumentOptions
{
    private readonly List<(Option Option, Func<ParseResult, JsonNode?> Value, string[] Path)> members = [];

    /// <summary>The limits that a tenant and a key may both have.</summary>
    public static DocumentOptions Limits()
    {
        var limits = new DocumentOptions();
        foreach (var window in (string[])["fiveHours", "daily", "weekly", "monthly", "total"])
        {
            var name = window == "fiveHours" ? "five-hours" : window;
            limits.Add(new Option<decimal?>($"--{name}-usd") { Description = $"What it may spend, in USD: limits.{window}.maxUSD." }, value => JsonValue.Create(value), ["limits", window, "maxUSD"]);
        }

        foreach (var (name, member) in ((string, string)[])[("--requests-per-minute", "requestsPerMinute"), ("--tokens-per-minute", "tokensPerMinute"),
            ("--concurrent-requests", "concurrentRequests"), ("--concurrent-sessions", "concurrentSessions")])
        {
            limits.Add(new Option<long?>(name) { Description = $"limits.{member}." }, value => JsonValue.Create(value), ["limits", member]);
        }

        return limits;
    }

    public DocumentOptions Text(string name, string description, params string[] path) =>
        Add(new Option<string?>(name) { Description = description }, value => JsonValue.Create(value), path);

    public DocumentOptions Texts(string name, string description, params string[] path) =>
        Add(new Option<string[]?>(name) { Description = description, AllowMultipleArgumentsPerToken = true }, value => value is { Length: > 0 } ? new JsonArray([.. value.Select(text => JsonValue.Create(text))]) : null, path);

    public DocumentOptions Number(string name, string description, params string[] path) =>
        Add(new Option<int?>(name) { Description = description }, value => JsonValue.Create(value), path);

    public DocumentOptions Flag(string name, string description, params string[] path) =>
        Add(new Option<bool?>(name) { Description = description }, value => JsonValue.Create(value), path);

    public void AddTo(Command command) => members.ForEach(member => command.Options.Add(member.Option));

    /// <summary>Writes what was said into the document.</summary>
    public void Write(ParseResult parsed, JsonObject document)
    {
        foreach (var (option, value, path) in members)
        {
            if (parsed.GetResult(option) is not { Implicit: false } || value(parsed) is not { } written)
            {
                continue;
            }

            var place = document;
            foreach (var name in path[..^1])
            {
                if (place[name] is not JsonObject inner)
                {
                    place[name] = inner = [];
                }

                place = inner;
            }

            place[path[^1]] = written;
        }
    }

    private DocumentOptions Add<T>(Option<T> option, Func<T?, JsonNode?> value, string[] path)
    {
        members.Add((option, parsed => value(parsed.GetValue(option)), path));
        return this;
    }
}
