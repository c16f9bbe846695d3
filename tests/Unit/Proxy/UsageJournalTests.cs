using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Pipeline;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>What is in the journal survives, is delivered until somebody else keeps it, and goes when the read model counts it.</summary>
public sealed class UsageJournalTests : IDisposable
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("ccgate-journal-");

    public void Dispose() => data.Delete(recursive: true);

    [Fact]
    public async Task A_request_that_was_open_becomes_the_event_it_was_opened_with()
    {
        var (interrupted, finished) = (Request(RequestOutcome.Interrupted), Request(RequestOutcome.Interrupted));
        await using (var before = await Running.StartAsync(data))
        {
            await before.Journal.OpenAsync(interrupted, CancellationToken.None);
            await before.Journal.OpenAsync(finished, CancellationToken.None);
            await before.Journal.CompleteAsync(EventRecord.From(finished with { Outcome = RequestOutcome.Succeeded }));
        }

        await using var after = await Running.StartAsync(data);

        Assert.Equal(
            new[] { (interrupted.RequestId, true), (finished.RequestId, false) }.Order(),
            after.Recovered.Select(fact => (fact.Id, fact.Data.Contains("Interrupted", StringComparison.Ordinal))).Order());
        Assert.Equal(2, after.Journal.ReadFacts(0, 100).Facts.Count);
    }

    [Fact]
    public async Task What_the_read_model_counts_leaves_the_journal_and_stays_away()
    {
        var (kept, counted) = (Request(), Request());
        await using (var before = await Running.StartAsync(data))
        {
            await before.Journal.CompleteAsync(EventRecord.From(kept));
            await before.Journal.CompleteAsync(EventRecord.From(counted));
            before.Journal.Index.Delivered([counted.RequestId]);
            Assert.Equal([counted.RequestId], before.Journal.Index.Uncounted());
            before.Journal.Index.Counted([counted.RequestId]);
            Assert.Equal(1, before.Journal.Index.Depth);
            await before.Journal.CompleteAsync(EventRecord.From(Request())); // The next commit takes the obsolete one along.
        }

        await using var after = await Running.StartAsync(data);

        Assert.DoesNotContain(after.Recovered, fact => fact.Id == counted.RequestId);
        Assert.Contains(after.Recovered, fact => fact.Id == kept.RequestId);
    }

    [Fact]
    public async Task A_counted_request_is_not_taken_for_an_interrupted_one_because_a_neighbour_keeps_its_opening()
    {
        var (longOne, shortOne) = (Request(), Request());
        await using (var before = await Running.StartAsync(data))
        {
            await Task.WhenAll(before.Journal.OpenAsync(longOne, CancellationToken.None), before.Journal.OpenAsync(shortOne, CancellationToken.None));
            await before.Journal.CompleteAsync(EventRecord.From(shortOne));
            before.Journal.Index.Counted([shortOne.RequestId]);
            await before.Journal.CompleteAsync(EventRecord.From(Request()));
        }

        await using var after = await Running.StartAsync(data);

        Assert.Contains(after.Recovered, fact => fact.Id == longOne.RequestId);
        Assert.DoesNotContain(after.Recovered, fact => fact.Id == shortOne.RequestId && fact.Data.Contains("Interrupted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_journal_refuses_new_requests_and_still_takes_the_ends_of_old_ones()
    {
        await using var running = await Running.StartAsync(data, maxEvents: 2);
        var (first, second) = (Request(), Request());
        await running.Journal.OpenAsync(first, CancellationToken.None);
        await running.Journal.OpenAsync(second, CancellationToken.None);

        var refused = await Assert.ThrowsAsync<RefusedException>(() => running.Journal.OpenAsync(Request(), CancellationToken.None));

        Assert.Contains("maxJournalEvents", refused.Message, StringComparison.Ordinal);
        await running.Journal.CompleteAsync(EventRecord.From(first));
        running.Journal.Index.Counted([first.RequestId]);
        await running.Journal.OpenAsync(Request(), CancellationToken.None);
    }

    [Fact]
    public async Task Many_writers_at_once_are_all_on_disk_when_they_return()
    {
        var requests = Enumerable.Range(0, 500).Select(_ => Request()).ToList();
        await using (var before = await Running.StartAsync(data))
        {
            await Task.WhenAll(requests.Select(request => before.Journal.CompleteAsync(EventRecord.From(request))));
        }

        await using var after = await Running.StartAsync(data);

        Assert.Equal(requests.Select(request => request.RequestId).Order(), after.Recovered.Select(fact => fact.Id).Order());
    }

    [Fact]
    public async Task A_journal_that_could_not_be_written_takes_requests_again_when_it_can()
    {
        await using var running = await Running.StartAsync(data);
        await running.Journal.OpenAsync(Request(), CancellationToken.None);
        await using var other = new SqliteConnection($"Data Source={Path.Combine(data.FullName, "journal.db")}");
        await other.OpenAsync();
        await ExecuteAsync(other, "alter table commits rename to away");
        var refused = await Assert.ThrowsAsync<RefusedException>(() => running.Journal.OpenAsync(Request(), CancellationToken.None));
        Assert.Equal(RefusalReason.Unavailable, refused.Refusal.Reason);
        var waiting = running.Journal.CompleteAsync(EventRecord.From(Request()));

        await ExecuteAsync(other, "alter table away rename to commits");

        await waiting; // What was served is written as soon as that is possible.
        await running.Journal.OpenAsync(Request(), CancellationToken.None);
    }

    [Fact]
    public async Task A_commit_that_shows_in_the_file_before_the_index_knows_it_is_read_later_not_never()
    {
        await using var running = await Running.StartAsync(data);
        var record = JournalRecord.Of(isOpening: false, Request());
        var sequence = running.File.Append(record.Bytes.ToArray(), []);

        Assert.Equal(0, running.Journal.ReadFacts(0, 100).UpTo);

        running.Journal.Index.Committed(sequence, [record]);
        Assert.Equal(record.ReadEvent(), Assert.Single(running.Journal.ReadFacts(0, 100).Facts));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_000)]
    public void A_record_gives_back_the_event_it_was_made_of(int length)
    {
        var request = Request() with { SessionId = new string('\u00e4', length), CompletedAt = DateTimeOffset.UnixEpoch.AddTicks(7) };
        var opening = JournalRecord.Of(isOpening: true, request);
        var fact = JournalRecord.Of(isOpening: false, EventRecord.From(request));

        var read = JournalRecord.ReadAll((byte[])[.. opening.Bytes.Span, .. fact.Bytes.Span]).ToList();

        Assert.Equal([(true, request.RequestId), (false, request.RequestId)], read.Select(record => (record.IsOpening, record.Id)));
        Assert.All(read, record => Assert.Equal(EventRecord.From(request), record.ReadEvent()));
        Assert.Equal(fact.Bytes.ToArray(), opening.AsFact().Bytes.ToArray());
    }

    [Fact]
    public async Task One_data_directory_has_one_owner()
    {
        await using var owner = await Running.StartAsync(data);

        var error = Assert.Throws<InvalidOperationException>(() => new JournalFile(data));

        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
    }

    private static async Task ExecuteAsync(SqliteConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    private static RequestCompleted Request(RequestOutcome outcome = RequestOutcome.Succeeded) => new()
    {
        RequestId = Guid.CreateVersion7(),
        TenantId = "alice",
        Outcome = outcome,
    };

    private sealed class Running(JournalFile file, UsageJournal journal, IReadOnlyList<EventRecord> recovered) : IAsyncDisposable
    {
        public JournalFile File => file;

        public UsageJournal Journal => journal;

        public IReadOnlyList<EventRecord> Recovered => recovered;

        public static async Task<Running> StartAsync(DirectoryInfo data, long maxEvents = 1_000)
        {
            var file = new JournalFile(data);
            var config = new ConfigSource(new GatewayConfig { Server = new ServerConfig { MaxJournalEvents = maxEvents } });
            var journal = new UsageJournal(file, config, NullLogger<UsageJournal>.Instance);
            var recovered = journal.Recover();
            await journal.StartAsync(CancellationToken.None);
            return new Running(file, journal, recovered);
        }

        public async ValueTask DisposeAsync()
        {
            await journal.StopAsync(CancellationToken.None);
            journal.Dispose();
            file.Dispose();
        }
    }
}
