using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace CCGate.Metering.NodeImport;

/// <summary>A line of a file.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Bytes">Without its end; empty when it is too long.</param>
/// <param name="Length">Its bytes in the file, the end included.</param>
/// <param name="Ended">Whether an end was written: the last line of a writer that died has none.</param>
/// <param name="TooLong">Whether it is longer than a line may be.</param>
internal sealed record FileLine(long Number, byte[] Bytes, long Length, bool Ended, bool TooLong);

/// <summary>Reads a file line by line, and of a line no more than a bound: a file without line ends must not fill the memory.</summary>
internal static class BoundedLines
{
    public static async IAsyncEnumerable<FileLine> ReadAsync(Stream file, int maxLength, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(file, new StreamPipeReaderOptions(bufferSize: 65536, leaveOpen: true));
        long number = 1;
        long skipped = 0;
        while (true)
        {
            var read = await pipe.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                yield return Line(rest.Slice(0, end), number++, skipped, ended: true, maxLength);
                skipped = 0;
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (read.IsCompleted)
            {
                if (skipped + rest.Length > 0)
                {
                    yield return Line(rest, number, skipped, ended: false, maxLength);
                }

                break;
            }

            if (rest.Length > maxLength)
            {
                skipped += rest.Length;
                rest = rest.Slice(rest.End);
            }

            pipe.AdvanceTo(rest.Start, read.Buffer.End);
        }

        await pipe.CompleteAsync();
    }

    private static FileLine Line(ReadOnlySequence<byte> bytes, long number, long skipped, bool ended, int maxLength)
    {
        var length = skipped + bytes.Length;
        var tooLong = length > maxLength;
        return new FileLine(number, tooLong ? [] : bytes.ToArray(), length + (ended ? 1 : 0), ended, tooLong);
    }
}
