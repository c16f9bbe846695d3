using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate export-config</c> and <c>ccgate notifications test</c>: the configuration in force as files, and whether anybody would hear of an alert.</summary>
internal sealed class ExportConfigCommand(StoreOptions options)
{
    private readonly ChangeOptions change = new(options);
    private readonly Argument<DirectoryInfo> directory = new("DIR") { Description = "Where the files are written; it is made when it is missing." };
    private readonly Option<bool> force = new("--force") { Description = "Replace files that are there." };
    private readonly Argument<string> channel = new("CHANNEL") { Description = "The channel's name in server.json." };

    public static Command Create(StoreOptions options)
    {
        var export = new ExportConfigCommand(options);
        return export.change.Command(
            "export-config", "Write the configuration in force, with what operators changed, as files; secrets are hashes or variables that the files name.", [export.directory, export.force], export.ExportAsync);
    }

    public static Command Notifications(StoreOptions options)
    {
        var export = new ExportConfigCommand(options);
        return new Command("notifications", "Look after the channels that alerts go to.")
        {
            export.change.Command("test", "Send a test message through a channel.", [export.channel], export.TestAsync),
            ListCommand.Create(options, "list", "Show the last deliveries.", "/api/notifications", [],
                [ApiColumn.Instant("at", "at (UTC)"), ApiColumn.Text("kind"), ApiColumn.Text("channel"), ApiColumn.Text("state"), ApiColumn.Text("error")]),
        };
    }

    private async Task<int> ExportAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var files = await api.GetAsync("/api/export-config", cancellationToken);
        var target = parsed.GetValue(directory)!;
        var named = files.EnumerateObject().Where(file => Hosting.Configuration.ConfigDirectory.Files.Contains(file.Name) && file.Value.ValueKind == JsonValueKind.String).ToList();
        if (!parsed.GetValue(force) && named.Select(file => file.Name).FirstOrDefault(name => File.Exists(Path.Combine(target.FullName, name))) is { } present)
        {
            throw new CommandFailedException($"There is a {present} in {target.FullName}: nothing was written. --force replaces it.");
        }

        target.Create();
        foreach (var file in named)
        {
            InitFiles.WritePrivate(Path.Combine(target.FullName, file.Name), file.Value.GetString()!);
        }

        return await change.SayAsync(parsed, files, $"Written to {target.FullName}: {string.Join(", ", named.Select(file => file.Name))}");
    }

    private async Task<int> TestAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var delivery = await api.ChangeAsync(HttpMethod.Post, "/api/notifications/test", new JsonObject { ["channel"] = parsed.GetValue(channel) }, version: null, cancellationToken);
        var error = ApiColumn.Written(ApiColumn.Find(delivery, "error"));
        await change.SayAsync(parsed, delivery, error.Length == 0 ? $"The channel {parsed.GetValue(channel)} took the message." : $"The channel {parsed.GetValue(channel)} did not take the message: {error}");
        return error.Length == 0 ? Exit.Ok : Exit.Failed;
    }
}
