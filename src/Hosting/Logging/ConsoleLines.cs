using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace CCGate.Hosting.Logging;

/// <summary>The console's lines for people.</summary>
internal sealed class PlainConsoleLines(TimeProvider time) : ConsoleFormatter(Name)
{
    public new const string Name = "ccgate-plain";

    [ThreadStatic]
    private static StringBuilder? line;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        line ??= new StringBuilder(512);
        line.Clear();
        LogLine.WritePlain(line, time.GetUtcNow(), logEntry.LogLevel, logEntry.Category, logEntry.Formatter(logEntry.State, logEntry.Exception), logEntry.Exception);
        foreach (var chunk in line.GetChunks())
        {
            textWriter.Write(chunk.Span);
        }

        textWriter.Write('\n');
    }
}

/// <summary>The console's lines for machines: an object each.</summary>
internal sealed class JsonConsoleLines(TimeProvider time) : ConsoleFormatter(Name)
{
    public new const string Name = "ccgate-json";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        textWriter.Write(Encoding.UTF8.GetString(LogLine.Format(time.GetUtcNow(), logEntry.LogLevel, logEntry.Category, message, logEntry.State, logEntry.Exception)));
        textWriter.Write('\n');
    }
}
