using System.Globalization;

namespace CCGate.Hosting.Logging;

/// <summary>A file that grows to a size and then makes room for a new one; so many are kept. Used by one thread.</summary>
/// <remarks><c>name.log</c> is the one that grows; it becomes <c>name.000001.log</c>, and the next one <c>name.000002.log</c>.</remarks>
internal sealed class RollingFile(string directory, string name, long maxBytes, int maxFiles) : IDisposable
{
    private readonly string path = Path.Combine(directory, name + ".log");
    private FileStream? file;

    /// <summary>Appends all of it or nothing.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Append(ReadOnlySpan<byte> lines)
    {
        // Somebody may have moved or deleted it, or its directory.
        if (file is not null && !File.Exists(path))
        {
            Dispose();
        }

        file ??= Open();
        if (file.Length > 0 && file.Length + lines.Length > maxBytes)
        {
            Roll();
            file = Open();
        }

        var length = file.Length;
        try
        {
            file.Write(lines);
        }
        catch (IOException)
        {
            Cut(file, length);
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        file?.Dispose();
        file = null;
    }

    // Without a buffer, so that nothing is left to fail later. To itself: two processes that roll the same file would lose each other's lines.
    private FileStream Open()
    {
        Directory.CreateDirectory(directory);
        return new FileStream(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 });
    }

    private void Roll()
    {
        Dispose();
        var old = Directory.EnumerateFiles(directory, name + ".*.log").Select(found => (Path: found, Number: NumberOf(found))).Where(found => found.Number > 0).OrderBy(found => found.Number).ToList();
        var next = old.Count == 0 ? 1 : old[^1].Number + 1;
        var moved = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{name}.{next:000000}.log"));
        File.Move(path, moved);

        // The one to come counts too.
        foreach (var (oldest, _) in old.Append((moved, next)).SkipLast(maxFiles - 1))
        {
            File.Delete(oldest);
        }
    }

    private long NumberOf(string found)
    {
        var number = Path.GetFileName(found.AsSpan())[(name.Length + 1)..^".log".Length];
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : 0;
    }

    /// <summary>A full disk takes part of a line.</summary>
    private static void Cut(FileStream file, long length)
    {
        try
        {
            file.SetLength(length);
        }
        catch (IOException)
        {
            // Half a line stays.
        }
    }
}
