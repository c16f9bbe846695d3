using System.CommandLine;
using System.Runtime.CompilerServices;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Export;
using CCGate.Projections.Spend;
using Microsoft.Win32.SafeHandles;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing export</c>: the bill as a file, a line per request or per tenant and day.</summary>
internal sealed class ExportCommand
{
    private readonly StoreOptions options;
    private readonly Option<string> from = new("--from") { Description = "The first date, or an instant with its offset.", Required = true };
    private readonly Option<string> to = new("--to") { Description = "The last date (included), or an instant with its offset (not included).", Required = true };
    private readonly Option<string> format = new("--format") { Description = "How it is written.", DefaultValueFactory = _ => "csv" };
    private readonly Option<string> by = new("--by") { Description = "What a line is about; 'day' is a tenant's day in its time zone.", DefaultValueFactory = _ => "request" };
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only this tenant; dates are then in its time zone." };
    private readonly Option<string?> timezone = new("--timezone") { Description = "The time zone of dates and days, such as Europe/Berlin." };
    private readonly Option<FileInfo?> file = new("--out") { Description = "Write to this file instead of standard output; it appears when it is complete." };
    private readonly Option<bool> force = new("--force") { Description = "Replace the file of --out when it is there." };

    private ExportCommand(StoreOptions options)
    {
        this.options = options;
        format.AcceptOnlyFromAmong("csv", "jsonl");
        by.AcceptOnlyFromAmong("request", "day");
    }

    public static Command Create(StoreOptions options)
    {
        var export = new ExportCommand(options);
        var command = new Command("export", "Write every charge of a period, as CSV or as a JSON object per line.")
        {
            export.from, export.to, export.format, export.by, export.tenant, export.timezone, export.file, export.force, options.Config, options.Data,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => export.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var error = parsed.InvocationConfiguration.Error;
        await using var store = options.Open(parsed);
        var reader = new SpendQuestionReader(store.Config);
        var question = reader.Read(name => Written(parsed, name));
        if (reader.Errors.Count == 0 && question.Tenant is { } asked && !await store.KnowsTenantAsync(asked, cancellationToken))
        {
            reader.Errors["tenant"] = [OpenStore.UnknownTenant(asked)];
        }

        if (reader.Errors.Count > 0)
        {
            await error.WriteLineAsync(string.Join('\n', reader.Errors.Select(found => $"--{found.Key}: {string.Join(' ', found.Value)}")));
            return Exit.Usage;
        }

        var target = parsed.GetValue(file);
        if (target is { Exists: true } && !parsed.GetValue(force))
        {
            throw new CommandFailedException($"--out: {target.FullName} is there already; name another file, or add --force to replace it.");
        }

        var export = new LedgerExport(store.Events, question, new ProgressText(error, "export"));
        var lines = LinesAsync(export, question, store.Config, parsed, cancellationToken);
        await (target is null ? WriteAsync(lines, parsed.InvocationConfiguration.Output) : WriteAsync(lines, target, parsed.GetValue(force)));
        return Exit.Ok;
    }

    private async IAsyncEnumerable<string> LinesAsync(
        LedgerExport export, SpendQuestion question, GatewayConfig config, ParseResult parsed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var csv = parsed.GetValue(format) == "csv";
        if (parsed.GetValue(by) == "day")
        {
            var zones = config.Tenants.ToDictionary(known => known.Id, known => known.TimeZone, StringComparer.Ordinal);
            TimeZoneInfo ZoneOf(string tenant) => parsed.GetValue(timezone) is null ? zones.GetValueOrDefault(tenant, TimeZoneInfo.Utc) : question.Zone;
            var days = await export.DaysAsync(ZoneOf, cancellationToken);
            await foreach (var line in LinesAsync(days.ToAsyncEnumerable(), ExportFormat.Days, csv))
            {
                yield return line;
            }
        }
        else
        {
            await foreach (var line in LinesAsync(export.RequestsAsync(cancellationToken), ExportFormat.Requests, csv))
            {
                yield return line;
            }
        }
    }

    private static async IAsyncEnumerable<string> LinesAsync<TRow>(IAsyncEnumerable<TRow> rows, IReadOnlyList<ExportColumn<TRow>> columns, bool csv)
    {
        if (csv)
        {
            yield return CsvText.Line(columns.Select(column => column.Name)) + CsvText.LineEnd;
        }

        await foreach (var row in rows)
        {
            yield return csv ? CsvText.Line(columns.Select(column => column.Value(row))) + CsvText.LineEnd : ExportFormat.JsonLine(columns, row) + '\n';
        }
    }

    /// <summary>Whoever reads the other end of a pipe may have seen enough; that is no failure, but a reason to stop. The console's own stream would write on into nothing.</summary>
    private static async Task WriteAsync(IAsyncEnumerable<string> lines, TextWriter output)
    {
        if (!ReferenceEquals(output, Console.Out) || !Console.IsOutputRedirected)
        {
            await WriteLinesAsync(lines, output);
            return;
        }

        await using var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        if (pipe.CanSeek)
        {
            await WriteLinesAsync(lines, output);
            return;
        }

        try
        {
            // Not disposed: that would write what could not be written once more.
            var writer = new StreamWriter(pipe, bufferSize: 65536);
            await WriteLinesAsync(lines, writer);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>A reader must never meet half a file: it gets its name when it is complete and on disk.</summary>
    private static async Task WriteAsync(IAsyncEnumerable<string> lines, FileInfo target, bool replace)
    {
        var partial = target.FullName + ".partial";
        var mine = false;
        try
        {
            await using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None))
            await using (var writer = new StreamWriter(stream))
            {
                mine = true;
                await WriteLinesAsync(lines, writer);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, target.FullName, replace);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"--out: {target.FullName} cannot be written: {failure.Message}");
        }
        finally
        {
            if (mine)
            {
                File.Delete(partial);
            }
        }
    }

    private static async Task WriteLinesAsync(IAsyncEnumerable<string> lines, TextWriter writer)
    {
        await foreach (var line in lines)
        {
            await writer.WriteAsync(line);
        }

        await writer.FlushAsync();
    }

    private string? Written(ParseResult parsed, string name) => name switch
    {
        "tenant" => parsed.GetValue(tenant),
        "from" => parsed.GetValue(from),
        "to" => parsed.GetValue(to),
        "timezone" => parsed.GetValue(timezone),
        _ => null,
    };
}
