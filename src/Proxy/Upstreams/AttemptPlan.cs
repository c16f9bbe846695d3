using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Tenants;
using CCGate.Contracts;

namespace CCGate.Proxy.Upstreams;

/// <summary>The attempts of one call: chooses each when the one before has failed, and tells the upstreams what became of it.</summary>
internal sealed class AttemptPlan
{
    /// <summary>A key that the provider refuses is asked for again now and then: it may have been paid for meanwhile.</summary>
    private static readonly TimeSpan RefusedKeyBench = TimeSpan.FromSeconds(60);

    /// <summary>For a provider that is full and does not say for how long.</summary>
    private static readonly TimeSpan FullBench = TimeSpan.FromSeconds(5);

    private readonly ModelRoute route;
    private readonly Call call;
    private readonly TenantConfig tenant;
    private readonly GatewayConfig snapshot;
    private readonly DateTimeOffset admittedAt;
    private readonly LoadBalancer balancer;
    private readonly SessionAffinity affinity;
    private readonly TimeProvider time;
    private readonly int maxAttempts;
    private readonly AffinityKey? conversation;
    private readonly AffinityBinding? bound;
    private readonly List<Upstream> failed = [];
    private readonly List<UpstreamKey> triedKeys = [];
    private readonly List<Upstream> asked = [];
    private readonly Lock gate = new(); // Two attempts may be under way at a time.
    private string? lastFailure;
    private bool passedOver;

    public AttemptPlan(
        ModelRoute route, Call call, TenantConfig tenant, GatewayConfig snapshot, DateTimeOffset admittedAt, LoadBalancer balancer, SessionAffinity affinity, TimeProvider time)
    {
        this.route = route;
        this.call = call;
        this.tenant = tenant;
        this.snapshot = snapshot;
        this.admittedAt = admittedAt;
        this.balancer = balancer;
        this.affinity = affinity;
        this.time = time;
        maxAttempts = AttemptPlanner.MaxAttempts(route, snapshot.LoadBalancer);
        conversation = call.Affinity is { } fingerprint ? new AffinityKey(tenant.Id, call.Model, fingerprint) : null;
        bound = conversation is { } key ? affinity.Find(key, snapshot.LoadBalancer) : null;
    }

    /// <summary>What became of the conversation's place.</summary>
    public AffinityOutcome Affinity { get; private set; }

    /// <summary>How long it waited for places; null when it never had to.</summary>
    public TimeSpan? Waited { get; private set; }

    /// <summary>When a second upstream is asked as well; null for never.</summary>
    public TimeSpan? HedgeAfter => snapshot.LoadBalancer.HedgeAfter;

    /// <summary>Why upstreams were not asked, and when the first of all can be, for a refusal.</summary>
    public (string Why, TimeSpan? RetryAfter) Unavailable()
    {
        var why = new List<string>();
        TimeSpan? soonest = null;
        foreach (var upstream in route.Upstreams)
        {
            var wasAsked = asked.Contains(upstream);
            if (Obstacle(upstream) is { } obstacle)
            {
                if (!wasAsked)
                {
                    why.Add($"{upstream.Config.Id}: {obstacle}");
                }

                var wait = WaitFor(upstream.State);
                soonest = soonest is null || wait < soonest ? wait : soonest;
            }
            else if (IsFull(upstream) && !wasAsked)
            {
                why.Add($"{upstream.Config.Id}: it serves maxConcurrent {upstream.Config.MaxConcurrent} requests, and none ended in time (queue.max, queue.waitSeconds)");
            }
        }

        return (string.Join("; ", why), soonest);
    }

    /// <summary>The next attempt; null when there is nobody to ask. Each must be told to <see cref="Finish"/>.</summary>
    public async ValueTask<AttemptTurn?> NextAsync(CancellationToken cancellationToken)
    {
        if (asked.Count >= maxAttempts)
        {
            return null;
        }

        var candidates = Candidates(force: false);
        var force = candidates.Count == 0 && asked.Count == 0;
        if (force)
        {
            candidates = Candidates(force);
        }

        var full = new List<Upstream>();
        if (TakeFree(candidates, force, full) is { } turn)
        {
            await BackOffAsync(turn, cancellationToken);
            return turn;
        }

        return full.Count > 0 && await WaitAsync(full, cancellationToken) is { } free ? TryTake(free, "it had a place first", force) : null;
    }

    /// <summary>Another upstream that has a place now, for a request whose first has not begun to answer; null when there is none. To be told to <see cref="Finish"/> too.</summary>
    public AttemptTurn? Hedge(AttemptTurn slow, TimeSpan after)
    {
        lock (gate)
        {
            if (asked.Count >= maxAttempts)
            {
                return null;
            }

            failed.Add(slow.Upstream);
            lastFailure = $"{slow.Upstream.Config.Id} had not begun to answer in {after.TotalMilliseconds:0} ms";

            // If it fails, the first may still answer.
            return TakeFree(Candidates(force: false), force: false, full: []) is { } turn ? turn with { IsLast = false } : null;
        }
    }

    /// <summary>The first choice that has a place, and who would have been chosen before it.</summary>
    private AttemptTurn? TakeFree(List<Upstream> candidates, bool force, List<Upstream> full)
    {
        while (candidates.Count > 0)
        {
            var (upstream, reason) = Choose(candidates, force);
            if (!upstream.State.Gate.TryEnter(upstream.Config.MaxConcurrent))
            {
                full.Add(upstream);
            }
            else if (TryTake(upstream, reason, force) is { } turn)
            {
                return turn;
            }

            candidates.Remove(upstream);
        }

        return null;
    }

    /// <summary>Gives the place back, and tells the upstream and its key what the attempt says of them.</summary>
    /// <param name="turn">What <see cref="NextAsync"/> gave.</param>
    /// <param name="outcome">Null when the attempt did not come to an end that says anything.</param>
    public void Finish(AttemptTurn turn, AttemptOutcome? outcome)
    {
        lock (gate)
        {
            End(turn, outcome);
        }
    }

    private void End(AttemptTurn turn, AttemptOutcome? outcome)
    {
        var state = turn.Upstream.State;
        state.Gate.Leave(turn.Upstream.Config.MaxConcurrent);
        if (outcome is null)
        {
            state.Breaker.Left(turn.IsProbe);
            turn.Key?.Breaker.Left(turn.IsKeyProbe);
            return;
        }

        state.Spend.Add(Picodollars.FromUsd(outcome.Attempt.SpendUsd));
        if (outcome.Failure is AttemptFailure.None)
        {
            Succeeded(turn, outcome.Attempt);
        }

        var blamed = Blame.Of(outcome.Failure, outcome.Attempt.StatusCode);
        Tell(turn, outcome, blamed);
        lastFailure = outcome.Attempt.Failure is null ? null : $"{turn.Upstream.Config.Id}: {outcome.Attempt.Failure}";
        if (blamed is not Blamed.Key || turn.Key is null)
        {
            failed.Add(turn.Upstream);
        }
    }

    private void Succeeded(AttemptTurn turn, Attempt attempt)
    {
        if (attempt.FirstByteAt is { } firstByte)
        {
            turn.Upstream.State.Observe(firstByte - attempt.StartedAt);
        }

        if (conversation is { } key)
        {
            Affinity = affinity.Bind(key, bound, turn.Upstream.Config.Id, isPreferred: !passedOver && turn.Number == 1, snapshot.LoadBalancer);
        }
    }

    private static void Tell(AttemptTurn turn, AttemptOutcome outcome, Blamed blamed)
    {
        var (breaker, config, why) = (turn.Upstream.State.Breaker, turn.Upstream.Config.CircuitBreaker, outcome.Attempt.Failure ?? "");
        if (blamed is Blamed.Key && turn.Key is { } refused)
        {
            refused.Breaker.Bench(outcome.RetryAfter ?? (outcome.Attempt.StatusCode == 429 ? FullBench : RefusedKeyBench), why);
            breaker.Left(turn.IsProbe);
            return;
        }

        switch (blamed)
        {
            case Blamed.Nobody:
                breaker.Succeeded(config, turn.IsProbe);
                turn.Key?.Breaker.Succeeded(config, turn.IsKeyProbe);
                turn.Upstream.State.Served(outcome.Attempt.StartedAt);
                return;
            case Blamed.Key or Blamed.Upstream when outcome.RetryAfter is { } wait && wait > TimeSpan.Zero:
                breaker.Bench(wait, why);
                break;
            case Blamed.Key:
                breaker.Bench(FullBench, why);
                break;
            case Blamed.Upstream:
                breaker.Failed(config, why, turn.IsProbe);
                break;
            default:
                breaker.Left(turn.IsProbe);
                break;
        }

        turn.Key?.Breaker.Left(turn.IsKeyProbe);
    }

    private List<Upstream> Candidates(bool force)
    {
        var candidates = new List<Upstream>(route.Upstreams.Length);
        foreach (var upstream in route.Upstreams)
        {
            if (failed.Contains(upstream))
            {
                continue;
            }

            if (force ? Closed(upstream) is null : Obstacle(upstream) is null)
            {
                candidates.Add(upstream);
            }
            else
            {
                passedOver |= upstream.Config.TakesNew;
            }
        }

        return candidates;
    }

    private (Upstream Upstream, string Reason) Choose(List<Upstream> candidates, bool force)
    {
        if (force)
        {
            // The one that is likely to be back first.
            var soonest = candidates.MinBy(upstream => WaitFor(upstream.State))!;
            return (soonest, $"nobody else is left: {Obstacle(soonest)}");
        }

        if (bound is not null && lastFailure is null)
        {
            if (candidates.Find(upstream => upstream.Config.Id == bound.ReturnTo && upstream.Config.TakesNew) is { } first)
            {
                return (first, "the conversation returns to its first upstream");
            }

            if (candidates.Find(upstream => upstream.Config.Id == bound.UpstreamId) is { } home)
            {
                return (home, "it has the conversation's prompt cache");
            }
        }

        var strategy = LoadBalancer.StrategyFor(snapshot.LoadBalancer, call.Model, tenant.Groups);
        var chosen = balancer.Choose(strategy, candidates, PriceAt);
        return (chosen, lastFailure is null ? (candidates.Count == 1 ? "the only one that can take it" : UpstreamsFile.NameOf(strategy)) : $"after {lastFailure}");
    }

    private AttemptTurn? TryTake(Upstream upstream, string reason, bool force)
    {
        var state = upstream.State;
        if (!state.Breaker.TryEnter(force, out var isProbe))
        {
            state.Gate.Leave(upstream.Config.MaxConcurrent);
            return null;
        }

        var key = state.Keys.Take(upstream.Config.KeyRotation, triedKeys, force, out var isKeyProbe);
        if (key is null && upstream.Config.Keys.Length > 0)
        {
            state.Breaker.Left(isProbe);
            state.Gate.Leave(upstream.Config.MaxConcurrent);
            return null;
        }

        if (key is not null)
        {
            triedKeys.Add(key);
        }

        asked.Add(upstream);
        return new AttemptTurn(upstream, key, asked.Count, IsLast(upstream), isProbe && !force ? $"{reason}, to see whether it is back" : reason)
        {
            IsProbe = isProbe,
            IsKeyProbe = isKeyProbe,
        };
    }

    private bool IsLast(Upstream current)
    {
        if (asked.Count >= maxAttempts)
        {
            return true;
        }

        foreach (var upstream in route.Upstreams)
        {
            var isOther = upstream != current;
            if (!failed.Contains(upstream) && (isOther ? Obstacle(upstream) is null && !IsFull(upstream) : current.Config.Keys.Length > 0 && current.State.Keys.HasOther(triedKeys)))
            {
                return false;
            }
        }

        return true;
    }

    private static TimeSpan WaitFor(UpstreamState state) => state.Breaker.OpenFor is var open && state.Keys.OpenFor is var benched && open > benched ? open : benched;

    private static bool IsFull(Upstream upstream) => upstream.Config.MaxConcurrent is { } max && upstream.State.Gate.InFlight >= max;

    /// <summary>Why an upstream may not be asked at all now; null when it may.</summary>
    private string? Closed(Upstream upstream)
    {
        var config = upstream.Config;
        if (config.Drained)
        {
            return "an operator drained it";
        }

        if (config.Weight == 0 && bound?.UpstreamId != config.Id)
        {
            return "it takes nothing new (weight 0)";
        }

        if (config.ActiveHours is { } hours && !hours.Contains(admittedAt))
        {
            return $"it is used {hours} only (activeHours)";
        }

        return config.DailyMaxUsd is { } max && Picodollars.ToUsd(upstream.State.Spend.Today) >= max ? $"its {max} USD of today are used up (dailyMaxUSD)" : null;
    }

    private string? Obstacle(Upstream upstream)
    {
        var state = upstream.State;
        if (Closed(upstream) is { } closed)
        {
            return closed;
        }

        if (state.Unhealthy is { } unhealthy)
        {
            return $"its health check fails ({unhealthy})";
        }

        if (!state.Breaker.Allows)
        {
            return $"its circuit is open ({state.Breaker.Reason})";
        }

        return state.Keys.HasOther(triedKeys) ? null : "all its keys are benched";
    }

    private decimal PriceAt(Upstream upstream)
    {
        if (snapshot.Prices.Find(upstream.ProviderModel(call.Model), admittedAt) is not { } price)
        {
            return decimal.MaxValue;
        }

        // An agent's answer is short against its prompt; what it may come to at most would compare limits.
        var rates = price.Worst(call.LikelyPromptTokens, call.Fast);
        return ((rates.InputToken * call.LikelyPromptTokens) + (rates.OutputToken * Math.Min(call.MaxOutputTokens, 1000))) * upstream.Config.CostMultiplier;
    }

    /// <summary>Another upstream is asked at once; the same one again, with another key, after a moment, and not by everybody in the same one.</summary>
    private async ValueTask BackOffAsync(AttemptTurn turn, CancellationToken cancellationToken)
    {
        var before = 0;
        foreach (var key in triedKeys)
        {
            before += turn.Key is not null && turn.Key != key && turn.Upstream.State.Keys.Keys.Contains(key) ? 1 : 0;
        }

        if (before > 0)
        {
            try
            {
                await Task.Delay(snapshot.LoadBalancer.Backoff * Math.Min(32, 1 << (before - 1)) * balancer.Jitter(), time, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                Finish(turn, outcome: null);
                throw;
            }
        }
    }

    /// <summary>Waits for a place at any of them, no longer than the most patient of them lets it.</summary>
    private async Task<Upstream?> WaitAsync(List<Upstream> full, CancellationToken cancellationToken)
    {
        var waiter = new ConcurrencyGate.Waiter();
        var queues = full.FindAll(upstream => upstream.State.Gate.TryQueue(waiter, upstream.Config.MaxConcurrent, upstream.Config.MaxQueued));
        if (queues.Count == 0)
        {
            return null;
        }

        var since = time.GetTimestamp();
        try
        {
            var gate = await waiter.Served.WaitAsync(queues.Max(upstream => upstream.Config.QueueTimeout), time, cancellationToken);
            return queues.Find(upstream => upstream.State.Gate == gate);
        }
        catch (Exception ended) when (ended is TimeoutException or OperationCanceledException)
        {
            // A place that came in the same instant is not lost.
            if (!waiter.TryGiveUp() && await waiter.Served is { } late)
            {
                late.Leave(queues.Find(upstream => upstream.State.Gate == late)!.Config.MaxConcurrent);
            }

            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
        finally
        {
            Waited = (Waited ?? TimeSpan.Zero) + time.GetElapsedTime(since);
            queues.ForEach(upstream => upstream.State.Gate.Remove(waiter));
        }
    }
}

/// <summary>At whose fault an attempt failed.</summary>
internal enum Blamed
{
    Nobody,
    Upstream,

    /// <summary>The credential, or what the provider grants it.</summary>
    Key,

    /// <summary>The client, who left, or its request, or nobody: what became of it says nothing of the upstream.</summary>
    Client,
}

/// <summary>Decides at whose fault an attempt failed: breakers must not open for what clients do.</summary>
internal static class Blame
{
    public static Blamed Of(AttemptFailure failure, int? status) => failure switch
    {
        AttemptFailure.None => Blamed.Nobody,
        AttemptFailure.ClientAborted or AttemptFailure.Outrun => Blamed.Client,
        AttemptFailure.UpstreamError => status switch
        {
            401 or 402 or 403 or 429 => Blamed.Key,
            408 or >= 500 => Blamed.Upstream,
            _ => Blamed.Client,
        },
        _ => Blamed.Upstream,
    };
}
