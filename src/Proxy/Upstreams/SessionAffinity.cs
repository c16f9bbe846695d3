using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>Where a conversation lives.</summary>
/// <param name="UpstreamId">The upstream that has its prompt cache.</param>
/// <param name="ReturnTo">The one it came from and may go back to now, if that is healthy again; null while it stays.</param>
internal sealed record AffinityBinding(string UpstreamId, string? ReturnTo = null);

/// <summary>Which upstream has the prompt cache of which conversation.</summary>
/// <remarks>
/// It knows ids only, so it survives reloads, and nothing of health or weights: that is the planner's. An upstream that cannot be used is passed over there, and
/// the next success binds the conversation elsewhere; one of weight 0 drains, because what is bound to it is still found, and nothing new is bound.
/// </remarks>
internal sealed class SessionAffinity(TimeProvider time, int capacity = SessionAffinity.DefaultCapacity)
{
    // Some 30 MB when full.
    public const int DefaultCapacity = 100_000;

    /// <summary>How long providers keep a prompt that nobody reads, unless they are paid for more.</summary>
    public static readonly TimeSpan CacheLifetime = TimeSpan.FromMinutes(5);

    // One lock: it is held for a look-up and a few pointers, well under a microsecond, twice a request.
    private readonly Lock gate = new();
    private readonly Dictionary<AffinityKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byLastUse = new(); // The latest first.

    public int Count
    {
        get
        {
            lock (gate)
            {
                return entries.Count;
            }
        }
    }

    /// <summary>Where the conversation lives, which it goes on doing; null when it is to be balanced like a new one.</summary>
    public AffinityBinding? Find(in AffinityKey key, LoadBalancerConfig policy)
    {
        lock (gate)
        {
            if (!policy.StickySessions || !entries.TryGetValue(key, out var node))
            {
                return null;
            }

            var entry = node.Value;
            var idle = time.GetElapsedTime(entry.LastUsed);
            var mayMove = policy.StickyReturn == StickyReturn.WhenIdle && idle >= CacheLifetime;
            if (idle >= policy.SessionTtl || (mayMove && entry.Home is null))
            {
                Remove_NeedsLock(node);
                return null;
            }

            Touch_NeedsLock(node);
            return mayMove && entry.Home != entry.Binding.UpstreamId ? entry.Binding with { ReturnTo = entry.Home } : entry.Binding;
        }
    }

    /// <summary>Binds a conversation to the upstream that answered it, and says what that was; to be called after success only.</summary>
    /// <param name="key">The conversation.</param>
    /// <param name="found">What <see cref="Find"/> said when the attempts were planned.</param>
    /// <param name="upstreamId">Who answered.</param>
    /// <param name="isPreferred">False when it answered only because a better one failed or was passed over for its health: a refuge, and no home to return to.</param>
    /// <param name="policy">The policy in force.</param>
    public AffinityOutcome Bind(in AffinityKey key, AffinityBinding? found, string upstreamId, bool isPreferred, LoadBalancerConfig policy)
    {
        if (!policy.StickySessions)
        {
            return AffinityOutcome.None;
        }

        lock (gate)
        {
            if (entries.TryGetValue(key, out var node))
            {
                Touch_NeedsLock(node);
                Move_NeedsLock(node.Value, found, upstreamId, isPreferred);
            }
            else
            {
                MakeRoom_NeedsLock(policy);
                entries.Add(key, byLastUse.AddFirst(new Entry(key, new AffinityBinding(upstreamId)) { Home = isPreferred ? upstreamId : null, LastUsed = time.GetTimestamp() }));
            }
        }

        return found is null ? AffinityOutcome.New : found.UpstreamId == upstreamId ? AffinityOutcome.Kept : AffinityOutcome.Moved;
    }

    /// <summary>Of requests that run side by side the first to succeed moves their conversation.</summary>
    private static void Move_NeedsLock(Entry entry, AffinityBinding? found, string upstreamId, bool isPreferred)
    {
        // The others knew it as it was before: they must not move it once more, nor take it back to where it came from.
        if (found?.UpstreamId == entry.Binding.UpstreamId && found.UpstreamId != upstreamId)
        {
            entry.Binding = new AffinityBinding(upstreamId);
            entry.Home = isPreferred ? upstreamId : entry.Home;
        }
    }

    private void Touch_NeedsLock(LinkedListNode<Entry> node)
    {
        node.Value.LastUsed = time.GetTimestamp();
        byLastUse.Remove(node);
        byLastUse.AddFirst(node);
    }

    private void MakeRoom_NeedsLock(LoadBalancerConfig policy)
    {
        while (byLastUse.Last is { } oldest && (entries.Count >= capacity || time.GetElapsedTime(oldest.Value.LastUsed) >= policy.SessionTtl))
        {
            Remove_NeedsLock(oldest);
        }
    }

    private void Remove_NeedsLock(LinkedListNode<Entry> node)
    {
        byLastUse.Remove(node);
        entries.Remove(node.Value.Key);
    }

    private sealed class Entry(AffinityKey key, AffinityBinding binding)
    {
        public AffinityKey Key => key;

        public AffinityBinding Binding { get; set; } = binding;

        /// <summary>Null when nothing but a refuge has answered it.</summary>
        public string? Home { get; set; }

        public long LastUsed { get; set; }
    }
}
