using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace CCGate.Tests.Integration.EventStore;

/// <summary>The event store of the roles.</summary>
public sealed class PostgresEventStoreTests : EventStoreContract
{
    private const string LastValue = "select last_value from metering.mt_events_sequence";

    private PostgresDatabase database = null!;

    public override async Task InitializeAsync()
    {
        database = new PostgresDatabase(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync());
        await AtOnce(8, _ => Open().MigrateAsync(CancellationToken.None));
        await base.InitializeAsync();
    }

    private protected override IEventStore Open() => new PostgresEventStore(database, NullLogger<PostgresEventStore>.Instance);

    public override async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task An_event_that_commits_late_is_never_skipped()
    {
        await Append([Events.Record("alice"), Events.Record("bob")]);
        var before = await Store.HighWaterMarkAsync(CancellationToken.None);

        // Somebody inserts the same event and does not commit: the append draws its number and then waits on the unique index.
        var late = Events.Record("bob");
        await using var blocker = await database.Source.OpenConnectionAsync();
        await using var open = await blocker.BeginTransactionAsync();
        await Scalar(blocker, $$"""
            insert into metering.mt_events (seq_id, id, stream_id, version, data, type)
            values (1000000, '{{late.Id}}', 'usage/alice/2026-11-21', 1000000, '{}', 'foreign')
            """);
        var appending = Append([late]);
        await Eventually.HoldsAsync(async () => (long)(await Scalar(LastValue))! > before, "the append draws a number");

        var overtaking = Events.Record("carol");
        await Open().AppendAsync([overtaking], CancellationToken.None);
        Assert.Equal(before, await Store.HighWaterMarkAsync(CancellationToken.None));
        Assert.Equal(before, await Open().HighWaterMarkAsync(CancellationToken.None));

        await open.RollbackAsync();
        Assert.Equal(1, await appending);
        var mark = await Store.HighWaterMarkAsync(CancellationToken.None);
        Assert.Equal([late.Id, overtaking.Id], (await Store.ReadAsync(before, mark, 10, CancellationToken.None)).Select(stored => stored.Id));
    }

    [Fact]
    public async Task Stream_versions_and_the_recorded_high_water_mark_are_what_Marten_expects()
    {
        await Append([.. Events.Records(3, "alice"), .. Events.Records(2, "bob")]);
        await Append([.. Events.Records(2, "alice")]);
        var mark = await Store.HighWaterMarkAsync(CancellationToken.None);

        Assert.Equal("usage/alice/2026-11-21:5 usage/bob/2026-11-21:2", await Scalar("select string_agg(id || ':' || version, ' ' order by id) from metering.mt_streams"));
        Assert.Equal(mark, await Scalar("select last_seq_id from metering.mt_event_progression where name = 'HighWaterMark'"));
        Assert.Equal("*DEFAULT*:CCGate.Contracts.RequestCompleted, CCGate.Contracts:false", await Scalar(
            "select distinct tenant_id || ':' || mt_dotnet_type || ':' || is_archived from metering.mt_events"));
    }

    [Fact]
    public async Task Duplicates_draw_no_numbers_and_open_no_streams()
    {
        var records = Events.Records(3);
        await Append(records);
        await Append(records);
        await Append([records[0] with { Stream = "usage/bob/2026-11-21" }]);

        Assert.Equal(3L, await Scalar(LastValue));
        Assert.Equal(1L, await Scalar("select count(*) from metering.mt_streams"));
    }

    [Fact]
    public async Task What_PostgreSQL_can_never_store_is_said_to_be_unstorable()
    {
        var poison = Events.Record() with { Data = """{"a":"\u0000"}""" };
        await Assert.ThrowsAsync<UnstorableEventException>(() => Append([Events.Record(), poison]));
        Assert.Empty(await ReadAll());
    }

    [Fact]
    public async Task Tables_columns_and_indexes_are_named_and_typed_as_Marten_names_and_types_them()
    {
        Assert.Equal(
            """
            mt_doc_deadletterevent.data jsonb
            mt_doc_deadletterevent.id uuid
            mt_doc_deadletterevent.mt_dotnet_type character varying
            mt_doc_deadletterevent.mt_last_modified timestamp with time zone
            mt_doc_deadletterevent.mt_version uuid
            mt_event_progression.last_seq_id bigint
            mt_event_progression.last_updated timestamp with time zone
            mt_event_progression.name character varying
            mt_events.data jsonb
            mt_events.id uuid
            mt_events.is_archived boolean
            mt_events.mt_dotnet_type character varying
            mt_events.seq_id bigint
            mt_events.stream_id character varying
            mt_events.tenant_id character varying
            mt_events.timestamp timestamp with time zone
            mt_events.type character varying(500)
            mt_events.version bigint
            mt_streams.created timestamp with time zone
            mt_streams.id character varying
            mt_streams.is_archived boolean
            mt_streams.snapshot jsonb
            mt_streams.snapshot_version integer
            mt_streams.tenant_id character varying
            mt_streams.timestamp timestamp with time zone
            mt_streams.type character varying
            mt_streams.version bigint
            """,
            await Scalar("""
                select string_agg(c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod), e'\n' order by c.relname collate "C", a.attname collate "C")
                from pg_attribute a join pg_class c on c.oid = a.attrelid
                where c.relnamespace = 'metering'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
                """));
        Assert.Equal(
            "idx_mt_events_event_id pk_mt_event_progression pk_mt_events_stream_and_version pkey_mt_doc_deadletterevent_id pkey_mt_events_seq_id pkey_mt_streams_id",
            await Scalar("""select string_agg(indexname, ' ' order by indexname collate "C") from pg_indexes where schemaname = 'metering'"""));
        Assert.Equal("fkey_mt_events_stream_id", await Scalar("select string_agg(conname, ' ') from pg_constraint where connamespace = 'metering'::regnamespace and contype = 'f'"));
        Assert.Equal("mt_events_sequence", await Scalar("select string_agg(sequencename, ' ') from pg_sequences where schemaname = 'metering'"));
        Assert.Equal(1L, await Scalar("select count(*) from pg_namespace where nspname = 'ccgate'"));
    }

    private async Task<object?> Scalar(string sql)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        return await Scalar(connection, sql);
    }

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
