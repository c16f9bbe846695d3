using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Logging;

/// <summary>Writes entries into rolling files from a thread of its own. What does not fit into its queue is dropped and counted: a disk never holds up a request.</summary>
[ProviderAlias("File")]
internal sealed class FileLog : ILoggerProvider
{
    public const int MaxQueuedLines = 8192;

    private const int MaxQueuedBytes = 8 * 1024 * 1024;
    private const int MaxBatchBytes = 64 * 1024;
    private static readonly TimeSpan BetweenComplaints = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PatienceAtStop = TimeSpan.FromSeconds(5);

    private readonly RollingFile file;
    private readonly string directory;
    private readonly TimeProvider time;
    private readonly Action<string> complain;
    private readonly BlockingCollection<byte[]> queue = new(MaxQueuedLines);
    private readonly ArrayBufferWriter<byte> batch = new(MaxBatchBytes);
    private readonly Thread writer;
    private long queuedBytes;
    private long dropped;
    private long? complainedAt;
    private long? failedAt;
    private bool disposed;

    /// <param name="complain">Told, once a minute at most, that nothing can be written.</param>
    public FileLog(string directory, string name, long maxBytes, int maxFiles, TimeProvider time, Action<string> complain)
    {
        this.directory = directory;
        this.time = time;
        this.complain = complain;
        file = new RollingFile(directory, name, maxBytes, maxFiles);
        writer = new Thread(WriteAll) { IsBackground = true, Name = "log files" };
        writer.Start();
    }

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    /// <summary>Returns when what was logged is in the file, unless the disk hangs.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, true))
        {
            return;
        }

        queue.CompleteAdding();
        if (writer.Join(PatienceAtStop))
        {
            file.Dispose();
            queue.Dispose();
        }
    }

    private void Enqueue(ReadOnlySpan<byte> json)
    {
        try
        {
            if (Interlocked.Add(ref queuedBytes, json.Length + 1) <= MaxQueuedBytes)
            {
                var line = new byte[json.Length + 1];
                json.CopyTo(line);
                line[^1] = (byte)'\n';
                if (queue.TryAdd(line))
                {
                    return;
                }
            }
        }
        catch (Exception error) when (error is InvalidOperationException or ObjectDisposedException)
        {
            // The process ends, and this is said too late.
        }

        Interlocked.Add(ref queuedBytes, -(json.Length + 1));
        Interlocked.Increment(ref dropped);
    }

    private void WriteAll()
    {
        foreach (var first in queue.GetConsumingEnumerable())
        {
            batch.ResetWrittenCount();
            batch.Write(first);
            var lines = 1;
            while (batch.WrittenCount < MaxBatchBytes && queue.TryTake(out var next))
            {
                batch.Write(next);
                lines++;
            }

            Interlocked.Add(ref queuedBytes, -batch.WrittenCount);
            Write(lines);
        }
    }

    private void Write(int lines)
    {
        // What cannot be written is not asked of the disk for every line.
        if (failedAt is { } failed && time.GetElapsedTime(failed) < BetweenTries)
        {
            Interlocked.Add(ref dropped, lines);
            return;
        }

        try
        {
            file.Append(batch.WrittenSpan);
            failedAt = null;
            if (Interlocked.Exchange(ref dropped, 0) is > 0 and var missing)
            {
                var sentence = string.Create(CultureInfo.InvariantCulture, $"{missing} lines are missing here: they could not be written in time");
                file.Append([.. LogLine.Format(time.GetUtcNow(), LogLevel.Warning, typeof(FileLog).FullName!, sentence, "", exception: null), (byte)'\n']);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Interlocked.Add(ref dropped, lines);
            failedAt = time.GetTimestamp();
            if (complainedAt is not { } before || time.GetElapsedTime(before) >= BetweenComplaints)
            {
                complainedAt = failedAt;
                complain($"The logs cannot be written to {directory} (server.json: telemetry.logs.directory), requests go on: {error.Message}");
            }
        }
    }

    private sealed class Category(FileLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Enqueue(LogLine.Format(log.time.GetUtcNow(), logLevel, name, formatter(state, exception), state, exception));
            }
        }
    }
}
