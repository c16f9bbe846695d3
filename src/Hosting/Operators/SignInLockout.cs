using System.Net;
using System.Net.Sockets;

namespace CCGate.Hosting.Operators;

/// <summary>Makes who guesses wait: a name from an address after a few failures, the address after many. Nobody can lock out a name elsewhere.</summary>
internal sealed class SignInLockout(TimeProvider time)
{
    private const int FailuresOfName = 5;
    private const int FailuresOfAddress = 50;
    private const int MaxEntries = 10_000;
    private const int MaxNameLength = 64;

    /// <summary>Above it the wait no longer doubles.</summary>
    private const int MaxDoublings = 5;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(15);

    private readonly Lock guard = new();
    private readonly Dictionary<(string Address, string? Name), Failures> entries = [];

    /// <summary>How long this name has to wait at this address; null when it may try.</summary>
    public TimeSpan? Wait(IPAddress? address, string name)
    {
        var now = time.GetUtcNow();
        lock (guard)
        {
            var until = Later(LockedUntil_NeedsLock((Network(address), Short(name))), LockedUntil_NeedsLock((Network(address), null)));
            return until > now ? until - now : null;
        }
    }

    /// <summary>Raised when an address, or a name at it, is made to wait for the first time in its window, with the address.</summary>
    public event Action<string>? Locked;

    public void Fail(IPAddress? address, string name)
    {
        var network = Network(address);
        bool locked;
        lock (guard)
        {
            locked = Count_NeedsLock((network, Short(name)), FailuresOfName) | Count_NeedsLock((network, null), FailuresOfAddress);
        }

        if (locked)
        {
            Locked?.Invoke(network);
        }
    }

    /// <summary>Forgets the failures of the name, and not the address's: else one key of one's own would buy guesses at others.</summary>
    public void Succeed(IPAddress? address, string name)
    {
        lock (guard)
        {
            entries.Remove((Network(address), Short(name)));
        }
    }

    private bool Count_NeedsLock((string Address, string? Name) who, int free)
    {
        var now = time.GetUtcNow();
        if (!entries.TryGetValue(who, out var failures) || failures.IsOver(now))
        {
            MakeRoom_NeedsLock(now);
            failures = entries[who] = new Failures();
        }

        failures.Count++;
        failures.LastAt = now;
        if (failures.Count >= free)
        {
            var wait = FirstWait * Math.Pow(2, Math.Min(failures.Count - free, MaxDoublings));
            failures.LockedUntil = now + (wait < LongestWait ? wait : LongestWait);
        }

        return failures.Count == free;
    }

    private DateTimeOffset LockedUntil_NeedsLock((string Address, string? Name) who) => entries.GetValueOrDefault(who)?.LockedUntil ?? default;

    private void MakeRoom_NeedsLock(DateTimeOffset now)
    {
        if (entries.Count < MaxEntries)
        {
            return;
        }

        // A quarter at a time, so that a flood does not pay for a search each time.
        var over = entries.Where(entry => entry.Value.IsOver(now)).Select(entry => entry.Key).ToList();
        foreach (var who in over.Count > 0 ? over : [.. entries.OrderBy(entry => entry.Value.LastAt).Take(MaxEntries / 4).Select(entry => entry.Key)])
        {
            entries.Remove(who);
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static string Short(string name) => name.Length > MaxNameLength ? name[..MaxNameLength] : name;

    /// <summary>Of IPv6 the network: whoever has one address there has all of them.</summary>
    private static string Network(IPAddress? address)
    {
        if (address is { IsIPv4MappedToIPv6: true })
        {
            address = address.MapToIPv4();
        }

        return address?.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes(), 0, 8) : address?.ToString() ?? "";
    }

    private sealed class Failures
    {
        public int Count { get; set; }

        public DateTimeOffset LastAt { get; set; }

        public DateTimeOffset LockedUntil { get; set; }

        public bool IsOver(DateTimeOffset now) => now > Later(LastAt, LockedUntil) + Window;
    }
}
