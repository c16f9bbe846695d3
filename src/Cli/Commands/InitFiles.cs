using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Commands;

/// <summary>The files of a new configuration, and what is told once about them.</summary>
internal sealed record InitFiles(IReadOnlyList<(string Name, string Text)> Files, InitAnswers Answers, string Key, string? NewPassword)
{
    /// <param name="answers">What they say.</param>
    /// <param name="key">The tenant's key; the file has only its hash.</param>
    /// <param name="password">The operator's password when none was named.</param>
    public static InitFiles Of(InitAnswers answers, string key, string password) => new(
        [
            (ServerFile.Name, Server(answers.AdminPassword ?? password)),
            (UpstreamsFile.Name, Upstreams(answers.Upstreams)),
            (TenantsFile.Name, Tenants(answers, key)),
        ],
        answers,
        key,
        answers.AdminPassword is null ? password : null);

    /// <summary>Nothing is written that would have to be repaired.</summary>
    public void Check()
    {
        var directory = Directory.CreateTempSubdirectory("ccgate-init-");
        try
        {
            Write(directory);
            var problems = new ConfigDirectory(directory).Read().Problems;
            if (problems.Count > 0)
            {
                throw new CommandFailedException($"Nothing was written, because the configuration would not be right:\n{string.Join('\n', problems)}");
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    public void Write(DirectoryInfo directory)
    {
        directory.Create();
        foreach (var (name, text) in Files)
        {
            WritePrivate(Path.Combine(directory.FullName, name), text);
        }
    }

    /// <summary>Writes a file that only its owner may read, whole or not at all.</summary>
    public static void WritePrivate(string path, string text)
    {
        var written = path + ".new";
        File.Delete(written);
        var creation = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            creation.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new StreamWriter(written, creation))
        {
            file.Write(text);
        }

        File.Move(written, path, overwrite: true);
    }

    /// <summary>What to do next, with the secrets that are shown this once.</summary>
    public IEnumerable<string> Next(DirectoryInfo directory, bool elsewhere)
    {
        var config = elsewhere ? $" --config {directory.FullName}" : "";
        return
        [
            $"Written to {directory.FullName}: {string.Join(", ", Files.Select(file => file.Name))}; upstream {string.Join(", ", Answers.Upstreams)}.",
            "",
            $"  tenant {Answers.Tenant}, key {Key}",
            .. NewPassword is null ? (string[])[] : [$"  operator admin, password {NewPassword}"],
            "  Only hashes are kept: this is the one time they are shown.",
            "",
            "Next:",
            $"  ./ccgate run{config}",
            $"  ANTHROPIC_BASE_URL=http://127.0.0.1:3000 ANTHROPIC_AUTH_TOKEN={Key} claude",
            $"  ./ccgate upstreams test {Answers.Upstreams[0].Id}{config}",
            "  http://127.0.0.1:3000/dashboard in a browser: as the operator, or with the tenant's key",
        ];
    }

    private static string Server(string password) => $$"""
        // Where the gateway listens, and who operates it.
        {
          // "0.0.0.0" serves other machines as well; put something that speaks TLS in front of it then.
          "server": { "host": "127.0.0.1", "port": 3000 },

          // Who may use /dashboard and /api as the operator.
          "admin": { "username": "admin", {{Password(password)}} }
        }

        """;

    private static string Password(string password) => IsVariable(password) ? $"\"password\": {Json(password)}" : $"\"passwordHash\": {Json(Hash(password))}";

    private static string Upstreams(IReadOnlyList<InitUpstream> upstreams) => $$"""
        // Where requests go. Several upstreams share the load, and stand in for each other.
        {
          "upstreams": [
            {{string.Join(",\n    ", upstreams.Select(Upstream))}}
          ]
        }

        """;

    private static string Upstream(InitUpstream upstream) => upstream.Url is null
        ? $$"""
            // Answers inside the gateway and costs nothing. A provider instead: { "id": "anthropic", "url": "https://api.anthropic.com", "key": "${ANTHROPIC_API_KEY}" }
                { "id": {{Json(upstream.Id)}}, "kind": "simulator" }
            """
        : $$"""{ "id": {{Json(upstream.Id)}}, "kind": {{Json(upstream.Kind)}}, "url": {{Json(upstream.Url)}}, "key": {{Json(upstream.Key ?? "")}} }""";

    private static string Tenants(InitAnswers answers, string key) => $$"""
        // Who may ask, for what, and for how much.
        {
          "tenants": [
            {
              "id": {{Json(answers.Tenant)}},
              // Only the key's hash is here. More keys: "keys": [{ "id": "laptop", "key": "…" }], or ./ccgate keys issue
              "key": {{Json(Hash(key))}},
              "allowedModels": ["*"],
              {{Limits(answers.DailyUsd)}}
            }
          ]
        }

        """;

    private static string Limits(decimal? dailyUsd) => dailyUsd is { } limit
        ? string.Create(CultureInfo.InvariantCulture, $$"""
            // Also weekly, monthly, fiveHours and total; maxTokens and maxRequests; requestsPerMinute, concurrentRequests.
                  "limits": { "daily": { "maxUSD": {{limit}} } }
            """)
        : """
            // No limit. One of ten dollars a day: { "daily": { "maxUSD": 10 } }
                  "limits": {}
            """;

    private static bool IsVariable(string value) => value.StartsWith("${", StringComparison.Ordinal) && value.EndsWith('}');

    private static string Hash(string secret) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static string Json(string value) => JsonValue.Create(value).ToJsonString();
}
