using System.Threading.Channels;
using CCGate.Contracts;
using CCGate.Hosting.Concurrency;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Health;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Journal;

/// <summary>The durable memory of this proxy: a request is on disk before it is forwarded, and stays there until the read model counts it.</summary>
/// <remarks>One writer takes whatever waits and commits it together, so the cost of an fsync is shared by all that arrive while one runs.</remarks>
internal sealed partial class UsageJournal(JournalFile file, ConfigSource config, ILogger<UsageJournal> logger, JournalMetrics? metrics = null) : BackgroundService
{
    private const int LargestCommit = 1_000;
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource stopping = new();
    private readonly Channel<Entry> queue = Channel.CreateBounded<Entry>(new BoundedChannelOptions(10_000) { SingleReader = true });

    public JournalIndex Index { get; } = new();

    /// <summary>Raised when there is something to deliver.</summary>
    public Signal FactsWritten { get; } = new();

    /// <summary>Why the last commit failed; null when it did not.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether it can take requests, for the health document.</summary>
    public Task<HealthFinding> CheckAsync(CancellationToken cancellationToken)
    {
        var (depth, bound) = (Index.Depth, config.Current.Server.MaxJournalEvents);
        return Task.FromResult(this switch
        {
            { Failure: { } failure } => new HealthFinding(HealthStatus.Unhealthy, $"It cannot be written: {failure}"),
            _ when depth >= bound => new HealthFinding(HealthStatus.Unhealthy, $"It is full: {depth} events wait for the event store (limits.maxJournalEvents)."),
            _ when depth >= bound / 2 => new HealthFinding(HealthStatus.Degraded, $"It is more than half full: {depth} of {bound} events wait for the event store."),
            _ => new HealthFinding(HealthStatus.Healthy, $"{depth} events in flight or on their way."),
        });
    }

    /// <summary>Returns when the request is on disk; refuses when it cannot be, because then nothing may be forwarded.</summary>
    public async Task OpenAsync(RequestCompleted ifInterrupted, CancellationToken cancellationToken)
    {
        var bound = config.Current.Server.MaxJournalEvents;
        if (Index.Depth >= bound)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"The journal holds {bound} events that the event store does not have yet (server.json: limits.maxJournalEvents). Is the broker or the event store down?");
        }

        try
        {
            await WriteAsync(JournalRecord.Of(isOpening: true, ifInterrupted), isRetried: false, cancellationToken);
        }
        catch (IOException error)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"The journal cannot be written: {error.Message}. Nothing is forwarded without a record; is the disk of --data full?");
        }
    }

    /// <summary>Returns when the fact is on disk; while the disk refuses it, it is tried again for as long as the process lives.</summary>
    public Task CompleteAsync(RequestCompleted fact) => WriteAsync(JournalRecord.Of(isOpening: false, fact), isRetried: true, CancellationToken.None);

    /// <inheritdoc cref="CompleteAsync(RequestCompleted)"/>
    public Task CompleteAsync(EventRecord fact) => WriteAsync(JournalRecord.Of(isOpening: false, fact), isRetried: true, CancellationToken.None);

    /// <summary>Reads what an earlier process left. Requests that were open get the event that says so. Call once, before the first request.</summary>
    public IReadOnlyList<EventRecord> Recover()
    {
        var open = new Dictionary<Guid, JournalRecord>();
        var facts = new Dictionary<Guid, EventRecord>();
        long last = 0;
        for (var commits = file.Read(0, 100); commits.Count > 0; commits = file.Read(last, 100))
        {
            foreach (var (sequence, data) in commits)
            {
                Index.Committed(sequence, JournalRecord.ReadAll(data));
                foreach (var record in JournalRecord.ReadAll(data))
                {
                    if (record.IsOpening)
                    {
                        open[record.Id] = record;
                    }
                    else
                    {
                        facts[record.Id] = record.ReadEvent();
                    }
                }

                last = sequence;
            }
        }

        var interrupted = open.Values.Where(opening => !facts.ContainsKey(opening.Id)).Select(opening => opening.AsFact()).ToList();
        if (interrupted.Count > 0)
        {
            Index.Committed(file.Append(Join(interrupted), []), interrupted);
            LogInterrupted(interrupted.Count);
        }

        FactsWritten.Raise();
        return [.. facts.Values, .. interrupted.Select(fact => fact.ReadEvent())];
    }

    /// <summary>Facts still to be delivered, from the commits after a number, and the number they go up to.</summary>
    public (IReadOnlyList<EventRecord> Facts, long UpTo) ReadFacts(long after, int commits)
    {
        // Asked before the file is read: a commit shows in the file a moment before the index knows it, and would be passed over as not wanted.
        var last = Index.Last;
        var facts = new List<EventRecord>();
        foreach (var (sequence, data) in file.Read(after, commits).TakeWhile(commit => commit.Sequence <= last))
        {
            facts.AddRange(JournalRecord.ReadAll(data).Where(record => !record.IsOpening && Index.IsWanted(record.Id)).Select(record => record.ReadEvent()));
            after = sequence;
        }

        return (facts, after);
    }

    public override void Dispose()
    {
        FactsWritten.Dispose();
        stopping.Dispose();
        base.Dispose();
    }

    // A thread of its own: it spends its time in fsync, and a blocked pool thread would stall requests on a small machine.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.Factory.StartNew(WriteUntilCompleted, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Runs until the queue is completed, which StopAsync does: a request that ends while the host stops is still written.</summary>
    private void WriteUntilCompleted()
    {
        var batch = new List<Entry>(LargestCommit);
        while (batch.Count > 0 || queue.Reader.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < LargestCommit && queue.Reader.TryRead(out var entry))
            {
                batch.Add(entry);
            }

            if (!TryCommit(batch) && stopping.Token.WaitHandle.WaitOne(RetryPeriod))
            {
                LogLost(batch.Count);
                return;
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Writer.TryComplete();
        await stopping.CancelAsync();
        await base.StopAsync(cancellationToken);
    }

    private async Task WriteAsync(JournalRecord record, bool isRetried, CancellationToken cancellationToken)
    {
        var entry = new Entry(record, isRetried);
        await queue.Writer.WriteAsync(entry, cancellationToken);
        await entry.Written.Task;
    }

    /// <summary>Writes the batch and empties it; when that fails, keeps in it what has to be tried again.</summary>
    private bool TryCommit(List<Entry> batch)
    {
        var obsolete = Index.TakeObsolete();
        try
        {
            var records = batch.ConvertAll(entry => entry.Record);
            var begun = metrics?.Begin() ?? 0;
            var sequence = file.Append(Join(records), obsolete);
            metrics?.Committed(begun);
            Index.Committed(sequence, records);
            Failure = null;
        }
        catch (Exception error) when (error is Microsoft.Data.Sqlite.SqliteException or IOException)
        {
            Index.PutBackObsolete(obsolete);
            Failure = error.Message;
            LogFailed(error, batch.Count);
            foreach (var entry in batch.Where(entry => !entry.IsRetried))
            {
                entry.Written.TrySetException(new IOException(error.Message, error));
            }

            batch.RemoveAll(entry => !entry.IsRetried);
            return batch.Count == 0;
        }

        foreach (var entry in batch)
        {
            entry.Written.TrySetResult();
        }

        if (batch.Exists(entry => !entry.Record.IsOpening))
        {
            FactsWritten.Raise();
        }

        batch.Clear();
        return true;
    }

    private static byte[] Join(List<JournalRecord> records)
    {
        var commit = new byte[records.Sum(record => record.Bytes.Length)];
        var rest = commit.AsSpan();
        foreach (var record in records)
        {
            record.Bytes.Span.CopyTo(rest);
            rest = rest[record.Bytes.Length..];
        }

        return commit;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} requests were open when the gateway last stopped; each is billed by estimate as Interrupted")]
    private partial void LogInterrupted(int count);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The journal cannot be written; {Count} records wait, new requests are refused")]
    private partial void LogFailed(Exception error, int count);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The gateway stops while the journal cannot be written: {Count} requests will be billed by estimate as Interrupted")]
    private partial void LogLost(int count);

    private sealed record Entry(JournalRecord Record, bool IsRetried)
    {
        public TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
