using System.Globalization;
using Microsoft.Data.Sqlite;

namespace CCGate.Proxy.Journal;

/// <summary>The file under the journal: one row for each group commit, so that a thousand records cost one insert and one fsync.</summary>
/// <remarks>SQLite in WAL mode gives framing, checksums and recovery; synchronous = full survives power loss as well as kill -9.</remarks>
internal sealed class JournalFile : IDisposable
{
    private readonly FileStream owner;
    private readonly SqliteConnection writer;
    private readonly SqliteCommand insert;
    private readonly SqliteParameter insertData;
    private readonly Lock reading = new();
    private readonly SqliteConnection reader;
    private readonly SqliteCommand select;
    private readonly SqliteParameter selectAfter;
    private readonly SqliteParameter selectLimit;
    private readonly string connectionString;

    /// <summary>Opens the journal of a data directory, which one process at a time may own.</summary>
    public JournalFile(DirectoryInfo data)
    {
        SQLitePCL.Batteries_V2.Init();
        data.Create();
        try
        {
            owner = new FileStream(Path.Combine(data.FullName, "journal.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new InvalidOperationException($"Another gateway uses the data directory {data.FullName}. Stop it, or give this one a directory of its own with --data.", error);
        }

        connectionString = new SqliteConnectionStringBuilder { DataSource = Path.Combine(data.FullName, "journal.db"), DefaultTimeout = 30 }.ConnectionString;
        writer = Open();
        Execute("create table if not exists commits (seq integer primary key autoincrement, data blob not null)");
        insert = writer.CreateCommand();
        insert.CommandText = "insert into commits (data) values (@data) returning seq";
        insertData = insert.Parameters.Add("@data", SqliteType.Blob);
        reader = Open();
        select = reader.CreateCommand();
        select.CommandText = "select seq, data from commits where seq > @after order by seq limit @limit";
        selectAfter = select.Parameters.Add("@after", SqliteType.Integer);
        selectLimit = select.Parameters.Add("@limit", SqliteType.Integer);
    }

    /// <summary>Durable when it returns; gives the commit's number, which only grows.</summary>
    public long Append(byte[] data, IReadOnlyCollection<long> obsolete)
    {
        using var transaction = writer.BeginTransaction();
        insert.Transaction = transaction;
        insertData.Value = data;
        var sequence = (long)insert.ExecuteScalar()!;
        DeleteCommits(obsolete, transaction);
        transaction.Commit();
        return sequence;
    }

    /// <summary>Commits after a number, in order; on a connection of its own, so that it never waits for the writer.</summary>
    public List<(long Sequence, byte[] Data)> Read(long after, int limit)
    {
        lock (reading)
        {
            selectAfter.Value = after;
            selectLimit.Value = limit;
            using var rows = select.ExecuteReader();
            var commits = new List<(long, byte[])>();
            while (rows.Read())
            {
                commits.Add((rows.GetInt64(0), (byte[])rows.GetValue(1)));
            }

            return commits;
        }
    }

    public void Dispose()
    {
        select.Dispose();
        reader.Dispose();
        insert.Dispose();
        writer.Dispose();
        owner.Dispose();
    }

    private void DeleteCommits(IReadOnlyCollection<long> obsolete, SqliteTransaction transaction)
    {
        if (obsolete.Count == 0)
        {
            return;
        }

        using var delete = writer.CreateCommand();
        delete.Transaction = transaction;
        delete.CommandText = $"delete from commits where seq in ({string.Join(',', obsolete.Select(sequence => sequence.ToString(CultureInfo.InvariantCulture)))})";
        delete.ExecuteNonQuery();
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(connectionString);
        connection.Open();
        using var pragma = connection.CreateCommand();
        pragma.CommandText = "pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 30000";
        pragma.ExecuteNonQuery();
        return connection;
    }

    private void Execute(string sql)
    {
        using var command = writer.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
