using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Infrastructure;

/// <summary>What hosts under test warned of, for the message of a test that waited in vain.</summary>
internal sealed class Warnings : ILoggerProvider
{
    private readonly ConcurrentQueue<string> lines = new();

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public override string ToString() => string.Join('\n', lines);

    public void Dispose()
    {
        // The lines are read after the hosts are gone.
    }

    private sealed class Category(Warnings warnings, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                warnings.lines.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {name}: {formatter(state, exception)} {exception?.GetType().Name} {exception?.Message} {exception?.InnerException?.Message}");
            }
        }
    }
}
