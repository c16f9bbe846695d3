using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Metering.NodeImport;

/// <summary>Takes the usage files of the Node project into the ledger, one line in memory at a time. Killed in between, it may simply be run again.</summary>
/// <param name="intake">Where the requests go; null to look only.</param>
/// <param name="progress">From 0 to 1.</param>
internal sealed class NodeUsageImport(EventIntake? intake, IProgress<double>? progress)
{
    private const int MaxLineBytes = 1024 * 1024;
    private const int BatchSize = 1000;

    /// <summary>Somebody reads the first of them; a folder full of something else would list millions.</summary>
    private const int MaxRefused = 1000;

    private readonly SortedDictionary<string, NodeTenantTotals> tenants = new(StringComparer.Ordinal);
    private readonly List<RefusedLine> refused = [];
    private readonly List<(RequestCompleted Request, EventRecord Record, string File, long Line)> batch = [];
    private long refusedCount;
    private long halfLines;

    public async Task<NodeImportReport> RunAsync(DirectoryInfo project, CancellationToken cancellationToken)
    {
        var files = NodeUsageFiles.In(project);
        var storedBefore = intake?.Stored ?? 0;
        var total = Math.Max(1, files.Sum(file => file.File.Length));
        var done = 0L;
        foreach (var file in files)
        {
            var name = Path.GetRelativePath(project.FullName, file.File.FullName);
            await using var stream = file.File.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            await foreach (var line in BoundedLines.ReadAsync(stream, MaxLineBytes, cancellationToken))
            {
                Add(line, name, file.Tenant);
                done += line.Length;
                if (batch.Count == BatchSize)
                {
                    await StoreAsync(cancellationToken);
                    progress?.Report(Math.Min(1, (double)done / total));
                }
            }
        }

        await StoreAsync(cancellationToken);
        progress?.Report(1);
        var stored = (intake?.Stored ?? 0) - storedBefore;
        var requests = tenants.Values.Sum(tenant => tenant.Requests);
        return new NodeImportReport(files.Count, [.. tenants.Values], stored, intake is null ? null : requests - stored, halfLines, refusedCount, refused);
    }

    private void Add(FileLine line, string file, string folder)
    {
        var bytes = line.Bytes.AsMemory();
        if (line.Number == 1 && bytes.Span.StartsWith("\uFEFF"u8))
        {
            bytes = bytes[3..];
        }

        if (line.TooLong || bytes.Span.ContainsAnyExcept(" \t\r"u8))
        {
            Parse(line, bytes, file, folder);
        }
    }

    private void Parse(FileLine line, ReadOnlyMemory<byte> bytes, string file, string folder)
    {
        try
        {
            if (line.TooLong)
            {
                throw new FormatException($"it is longer than {MaxLineBytes} bytes");
            }

            var request = NodeUsageRecord.Parse(bytes, folder);
            var record = EventRecord.From(request);
            if (EventRules.Violation(record) is { } violation)
            {
                throw new FormatException(violation);
            }

            batch.Add((request, record, file, line.Number));
        }
        catch (JsonException) when (!line.Ended)
        {
            // The writer died in the middle of it, or writes it this very moment: its request was never counted there, and is not here.
            halfLines++;
        }
        catch (Exception wrong) when (wrong is FormatException or JsonException or InvalidOperationException)
        {
            Refuse(file, line.Number, wrong is JsonException ? $"it is not JSON: {wrong.Message}" : wrong.Message);
        }
    }

    private async Task StoreAsync(CancellationToken cancellationToken)
    {
        var rejected = intake is null ? [] : await intake.AcceptAsync(batch.ConvertAll(one => one.Record), cancellationToken);
        var reasons = rejected.DistinctBy(one => one.Event.Id).ToDictionary(one => one.Event.Id, one => one.Reason);
        foreach (var (request, _, file, line) in batch)
        {
            if (reasons.TryGetValue(request.RequestId, out var reason))
            {
                Refuse(file, line, reason);
            }
            else
            {
                Totals(request.TenantId).Add(request);
            }
        }

        batch.Clear();
    }

    private NodeTenantTotals Totals(string tenant) =>
        tenants.TryGetValue(tenant, out var totals) ? totals : tenants[tenant] = new NodeTenantTotals(tenant);

    private void Refuse(string file, long line, string reason)
    {
        refusedCount++;
        if (refused.Count < MaxRefused)
        {
            refused.Add(new RefusedLine(file, line, reason));
        }
    }
}
