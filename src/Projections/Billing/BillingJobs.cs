using System.Text.Json;
using CCGate.Projections.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Billing;

/// <summary>Runs long work on the bill beside the traffic, one of a kind at a time, and remembers the last of it; a restart forgets it, and harms nothing.</summary>
internal sealed partial class BillingJobs(TimeProvider time, ILogger<BillingJobs> logger) : IHostedService, IDisposable
{
    public const int MaxKept = 50;

    private readonly Lock gate = new();
    private readonly List<Entry> entries = [];
    private readonly CancellationTokenSource stopping = new();

    /// <summary>A job began, came a percent further or ended. Whoever listens must be quick and must not throw.</summary>
    public event Action<BillingJob>? Changed;

    /// <summary>The newest first.</summary>
    public IReadOnlyList<BillingJob> All
    {
        get
        {
            lock (gate)
            {
                return [.. entries.Select(entry => entry.Job).Reverse()];
            }
        }
    }

    public BillingJob? Find(string id)
    {
        lock (gate)
        {
            return entries.Find(entry => entry.Job.Id == id)?.Job;
        }
    }

    /// <summary>Begins the work, or gives null because another job of the kind is running.</summary>
    public BillingJob? Start(string kind, string by, Func<IProgress<JobProgress>, CancellationToken, Task<JsonElement>> work)
    {
        var now = time.GetUtcNow();
        var entry = new Entry(new BillingJob(Guid.CreateVersion7(now).ToString(), kind, BillingJob.Running, by, now), CancellationTokenSource.CreateLinkedTokenSource(stopping.Token));
        lock (gate)
        {
            if (entries.Exists(other => other.Job is { State: BillingJob.Running } running && running.Kind == kind))
            {
                entry.Cancellation.Dispose();
                return null;
            }

            entries.Add(entry);
            if (entries.Count > MaxKept && entries.Find(old => old.Job.State != BillingJob.Running) is { } oldest)
            {
                entries.Remove(oldest);
            }
        }

        Changed?.Invoke(entry.Job);
        entry.Work = RunAsync(entry, work);
        return entry.Job;
    }

    /// <summary>Tells a running job to end; null when it is not running any more, or never was.</summary>
    public BillingJob? Cancel(string id)
    {
        Entry? entry;
        lock (gate)
        {
            entry = entries.Find(found => found.Job.Id == id && found.Job.State == BillingJob.Running);
            entry?.Cancellation.Cancel();
        }

        return entry?.Job;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        Task[] running;
        lock (gate)
        {
            running = [.. entries.Select(entry => entry.Work)];
        }

        await Task.WhenAll(running).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => stopping.Dispose();

    private async Task RunAsync(Entry entry, Func<IProgress<JobProgress>, CancellationToken, Task<JsonElement>> work)
    {
        // SQLite never waits: without this, whoever asked would wait for all of the work.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var (result, error) = ((JsonElement?)null, (string?)null);
        try
        {
            result = await work(new Progress(this, entry), entry.Cancellation.Token);
        }
        catch (OperationCanceledException) when (entry.Cancellation.IsCancellationRequested)
        {
            error = "It was cancelled.";
        }
        catch (Exception refused) when (refused is JobFailedException or UnreadableEventException or InvalidOperationException)
        {
            error = refused.Message;
        }
#pragma warning disable CA1031 // Nobody else would see it; what a database says may name more than the asker needs to know.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            LogFailed(failure, entry.Job.Kind, entry.Job.Id);
            error = "It failed; the log of this process says why.";
        }

        Update(entry, job => job with
        {
            State = error is null ? BillingJob.Done : BillingJob.Failed,
            EndedAt = time.GetUtcNow(),
            Result = result,
            Error = error,
        });
        lock (gate)
        {
            entry.Cancellation.Dispose();
        }
    }

    private void Update(Entry entry, Func<BillingJob, BillingJob> change)
    {
        BillingJob job;
        lock (gate)
        {
            job = entry.Job = change(entry.Job);
        }

        Changed?.Invoke(job);
    }

    private sealed class Entry(BillingJob job, CancellationTokenSource cancellation)
    {
        public BillingJob Job { get; set; } = job;

        public CancellationTokenSource Cancellation => cancellation;

        public Task Work { get; set; } = Task.CompletedTask;
    }

    /// <summary>Tells of every whole percent.</summary>
    private sealed class Progress(BillingJobs jobs, Entry entry) : IProgress<JobProgress>
    {
        private long told = -1;

        public void Report(JobProgress value)
        {
            var percent = value.Total <= 0 ? 100 : value.Done * 100 / value.Total;
            if (percent != told)
            {
                told = percent;
                jobs.Update(entry, job => job with { Progress = value });
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "The billing job {Kind} {Id} failed")]
    private partial void LogFailed(Exception failure, string kind, string id);
}
