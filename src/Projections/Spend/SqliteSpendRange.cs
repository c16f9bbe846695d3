using System.Globalization;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace CCGate.Projections.Spend;

/// <summary>Adds up a range of the ledger from the bytes of its JSON, where SQLite has them, without making a string or an object of them.</summary>
internal static class SqliteSpendRange
{
    private const string Sql = "select seq_id, type, data, id, stream_id, version from mt_events where seq_id > ? and seq_id <= ? order by seq_id";

    public static async Task<SpendRows> ReadAsync(SqliteDatabase database, long after, long upTo, CancellationToken cancellationToken)
    {
        // Two halves at once, each in a thread and a connection of its own: reading never waits, and readers do not wait for each other.
        var middle = after + ((upTo - after) / 2);
        var halves = await Task.WhenAll(Half(after, middle), Half(middle, upTo));
        halves[0].Add(halves[1]);
        return halves[0];

        Task<SpendRows> Half(long from, long to) => Task.Factory.StartNew(
            () => ReadRangeAsync(database, from, to, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
    }

    private static async Task<SpendRows> ReadRangeAsync(SqliteDatabase database, long after, long upTo, CancellationToken cancellationToken)
    {
        await using var connection = (SqliteConnection)await database.OpenAsync(cancellationToken);
        var fold = new SpendFold();
        Check(raw.sqlite3_prepare_v2(connection.Handle, Sql, out var statement), connection);
        using (statement)
        {
            raw.sqlite3_bind_int64(statement, 1, after);
            raw.sqlite3_bind_int64(statement, 2, upTo);
            int step;
            while ((step = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var type = raw.sqlite3_column_blob(statement, 1);
                if (type.SequenceEqual("request_completed"u8))
                {
                    if (!fold.TryAdd(raw.sqlite3_column_blob(statement, 2)))
                    {
                        fold.Rows.Add(Stored(statement, EventTypes.RequestCompleted));
                    }
                }
                else if (type.SequenceEqual("spend_adjusted"u8))
                {
                    fold.Rows.Add(Stored(statement, EventTypes.SpendAdjusted));
                }
            }

            Check(step == raw.SQLITE_DONE ? raw.SQLITE_OK : step, connection);
        }

        return fold.Rows;
    }

    private static StoredEvent Stored(sqlite3_stmt statement, string type) => new(
        raw.sqlite3_column_int64(statement, 0),
        Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, 4)),
        raw.sqlite3_column_int64(statement, 5),
        type,
        Guid.Parse(Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, 3)), CultureInfo.InvariantCulture),
        default,
        Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, 2)));

    private static void Check(int code, SqliteConnection connection)
    {
        if (code != raw.SQLITE_OK)
        {
            throw new SqliteException(raw.sqlite3_errmsg(connection.Handle).utf8_to_string(), code);
        }
    }
}
