using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>Which upstream a conversation stays with, for how long, and when it goes back.</summary>
public sealed class SessionAffinityTests
{
    private static readonly LoadBalancerConfig Stays = new() { SessionTtl = TimeSpan.FromMinutes(30) };
    private static readonly LoadBalancerConfig Returns = Stays with { StickyReturn = StickyReturn.WhenIdle };

    private readonly ManualTimeProvider time = new();
    private readonly SessionAffinity affinity;

    public SessionAffinityTests() => affinity = new SessionAffinity(time, capacity: 3);

    [Fact]
    public void A_conversation_is_found_where_it_was_answered_and_nobody_else_s_is()
    {
        Succeed(Key(1), "a");

        Assert.Equal("a", Find(1));
        Assert.Null(Find(2));
        Assert.Null(affinity.Find(Key(1) with { Model = "other" }, Stays));
        Assert.Null(affinity.Find(Key(1) with { TenantId = "other" }, Stays));
    }

    [Fact]
    public void A_binding_ends_its_time_to_live_after_the_last_request_not_after_the_first()
    {
        Succeed(Key(1), "a");
        time.Advance(TimeSpan.FromMinutes(29));
        Assert.Equal("a", Find(1));
        time.Advance(TimeSpan.FromMinutes(29));
        Assert.Equal("a", Find(1));

        time.Advance(TimeSpan.FromMinutes(30));

        Assert.Null(Find(1));
        Assert.Equal(0, affinity.Count);
    }

    [Fact]
    public void A_shorter_time_to_live_holds_for_the_bindings_there_are()
    {
        Succeed(Key(1), "a");
        time.Advance(TimeSpan.FromMinutes(1));

        Assert.Null(affinity.Find(Key(1), Stays with { SessionTtl = TimeSpan.FromSeconds(60) }));
    }

    [Fact]
    public void A_full_table_forgets_the_conversation_that_was_idle_longest()
    {
        foreach (var conversation in new ulong[] { 1, 2, 3 })
        {
            Succeed(Key(conversation), "a");
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal("a", Find(1));
        Succeed(Key(4), "b");

        Assert.Equal(3, affinity.Count);
        Assert.Null(Find(2));
        Assert.Equal(("a", "a", "b"), (Find(1), Find(3), Find(4)));
    }

    [Fact]
    public void Ended_bindings_make_room_before_the_table_is_full()
    {
        Succeed(Key(1), "a");
        Succeed(Key(2), "a");
        time.Advance(TimeSpan.FromMinutes(30));

        Succeed(Key(3), "a");

        Assert.Equal(1, affinity.Count);
    }

    [Fact]
    public void A_conversation_whose_upstream_fails_moves_once()
    {
        Succeed(Key(1), "a");
        var beforeTheFailure = affinity.Find(Key(1), Stays);

        affinity.Bind(Key(1), beforeTheFailure, "b", isPreferred: false, Stays);
        affinity.Bind(Key(1), beforeTheFailure, "c", isPreferred: false, Stays);
        affinity.Bind(Key(1), beforeTheFailure, "a", isPreferred: true, Stays);

        Assert.Equal("b", Find(1));
    }

    [Fact]
    public void Of_the_first_requests_of_a_conversation_the_first_answer_decides()
    {
        affinity.Bind(Key(1), null, "a", isPreferred: true, Stays);
        affinity.Bind(Key(1), null, "b", isPreferred: true, Stays);

        Assert.Equal("a", Find(1));
    }

    [Fact]
    public void A_moved_conversation_stays_where_its_cache_is_now()
    {
        Move(Stays);
        time.Advance(TimeSpan.FromMinutes(29));

        Assert.Equal(new AffinityBinding("b"), affinity.Find(Key(1), Stays));
    }

    [Fact]
    public void By_policy_a_moved_conversation_may_return_once_its_cache_is_gone_anyway()
    {
        Move(Returns);
        time.Advance(SessionAffinity.CacheLifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(new AffinityBinding("b"), affinity.Find(Key(1), Returns));
        time.Advance(SessionAffinity.CacheLifetime);
        var idle = affinity.Find(Key(1), Returns);
        Assert.Equal(new AffinityBinding("b", ReturnTo: "a"), idle);

        affinity.Bind(Key(1), idle, "a", isPreferred: true, Returns);

        Assert.Equal(new AffinityBinding("a"), affinity.Find(Key(1), Returns));
        time.Advance(SessionAffinity.CacheLifetime);
        Assert.Equal(new AffinityBinding("a"), affinity.Find(Key(1), Returns));
    }

    [Fact]
    public void A_conversation_whose_home_is_still_down_stays_and_is_asked_again_when_idle_again()
    {
        Move(Returns);
        time.Advance(SessionAffinity.CacheLifetime);
        affinity.Bind(Key(1), affinity.Find(Key(1), Returns), "b", isPreferred: false, Returns);
        Assert.Equal(new AffinityBinding("b"), affinity.Find(Key(1), Returns));

        time.Advance(SessionAffinity.CacheLifetime);

        Assert.Equal(new AffinityBinding("b", ReturnTo: "a"), affinity.Find(Key(1), Returns));
    }

    [Fact]
    public void A_conversation_that_began_in_a_refuge_is_balanced_anew_once_idle()
    {
        affinity.Bind(Key(1), null, "b", isPreferred: false, Returns);
        Assert.Equal("b", affinity.Find(Key(1), Returns)?.UpstreamId);
        time.Advance(SessionAffinity.CacheLifetime);

        Assert.Null(affinity.Find(Key(1), Returns));
    }

    [Fact]
    public void A_conversation_balanced_to_a_new_upstream_is_at_home_there()
    {
        Succeed(Key(1), "removed");
        affinity.Bind(Key(1), affinity.Find(Key(1), Returns), "b", isPreferred: true, Returns);
        time.Advance(SessionAffinity.CacheLifetime);

        Assert.Equal(new AffinityBinding("b"), affinity.Find(Key(1), Returns));
    }

    [Fact]
    public void What_became_of_a_conversation_s_place_is_said()
    {
        Assert.Equal(AffinityOutcome.New, affinity.Bind(Key(1), null, "a", isPreferred: true, Stays));
        Assert.Equal(AffinityOutcome.Kept, affinity.Bind(Key(1), affinity.Find(Key(1), Stays), "a", isPreferred: true, Stays));
        Assert.Equal(AffinityOutcome.Moved, affinity.Bind(Key(1), affinity.Find(Key(1), Stays), "b", isPreferred: false, Stays));
        Assert.Equal(AffinityOutcome.Kept, affinity.Bind(Key(1), affinity.Find(Key(1), Stays), "b", isPreferred: true, Stays));
    }

    [Fact]
    public void Without_sticky_sessions_nothing_is_bound_or_found()
    {
        var off = Stays with { StickySessions = false };
        Assert.Equal(AffinityOutcome.None, affinity.Bind(Key(1), null, "a", isPreferred: true, off));
        Assert.Equal(0, affinity.Count);
        Succeed(Key(1), "a");

        Assert.Null(affinity.Find(Key(1), off));
    }

    [Fact]
    public async Task Many_at_once_leave_a_table_within_its_bound()
    {
        var shared = new SessionAffinity(time, capacity: 50);

        await Parallel.ForAsync(0, 8, (worker, _) =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                var key = Key((ulong)((i * 7) + worker) % 100);
                shared.Bind(key, shared.Find(key, Stays), $"upstream-{i % 3}", isPreferred: true, Stays);
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(50, shared.Count);
        Assert.Equal(50, Enumerable.Range(0, 100).Count(conversation => shared.Find(Key((ulong)conversation), Stays) is not null));
    }

    private static AffinityKey Key(ulong conversation) => new("tenant", "model", conversation);

    private string? Find(ulong conversation) => affinity.Find(Key(conversation), Stays)?.UpstreamId;

    private void Succeed(AffinityKey key, string upstream) => affinity.Bind(key, affinity.Find(key, Stays), upstream, isPreferred: true, Stays);

    private void Move(LoadBalancerConfig policy)
    {
        Succeed(Key(1), "a");
        affinity.Bind(Key(1), affinity.Find(Key(1), policy), "b", isPreferred: false, policy);
    }
}
