using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>
/// Random tenants, trees, windows, requests, aborts, crashes and clocks against a recomputation that shares no code with the ledger: a list of requests,
/// and sums over it.
/// </summary>
public sealed class LimitOracleTests
{
    private const decimal Pico = 1_000_000_000_000m;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task At_every_instant_what_is_committed_and_held_fits_every_limit_and_nothing_is_refused_that_would(int seed)
    {
        var random = new Random(seed);
        var config = RandomConfig(random);
        var time = new ManualTimeProvider(new DateTimeOffset(2026, random.Next(1, 13), random.Next(1, 28), random.Next(24), random.Next(60), 0, TimeSpan.Zero));
        var world = new World(config, time);
        try
        {
            for (var step = 0; step < 1_500; step++)
            {
                switch (random.Next(12))
                {
                    case < 6:
                        await world.RequestAsync(random);
                        break;
                    case < 9:
                        world.End(random);
                        break;
                    case 9:
                        time.Advance(TimeSpan.FromSeconds(random.Next(1, 60_000)));
                        world.Feed(random);
                        break;
                    case 10:
                        world.Feed(random);
                        break;
                    case 11 when random.Next(20) == 0:
                        world.Crash();
                        break;
                    case 11 when random.Next(10) == 0:
                        world.Configure(random);
                        break;
                    default:
                        time.Advance(TimeSpan.FromMilliseconds(random.Next(3_000)));
                        break;
                }
            }

            Assert.True(world.Granted > 50 && world.Refused > 20, $"seed {seed} tests something: {world.Granted} granted, {world.Refused} refused");
            world.EndAll(random);
            world.CheckNothingIsLost();
        }
        finally
        {
            world.Dispose();
        }
    }

    private static GatewayConfig RandomConfig(Random random)
    {
        string[] zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"];
        var tenants = new List<TenantConfig>();
        for (var i = 0; i < 6; i++)
        {
            tenants.Add(new TenantConfig
            {
                Id = $"t{i}",
                Parent = i == 0 || random.Next(4) == 0 ? null : $"t{random.Next(i)}",
                Keys = [new KeyConfig("a", SecretHash.Of($"{i}a")) { Limits = random.Next(2) == 0 ? RandomLimits(random) : LimitsConfig.None }, new KeyConfig("b", SecretHash.Of($"{i}b"))],
                Limits = RandomLimits(random),
                TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zones[random.Next(zones.Length)]),
                ResetTime = new TimeOnly(random.Next(24), random.Next(4) * 15),
                WeekStartsOn = (DayOfWeek)random.Next(7),
                MonthStartsOn = random.Next(1, 29),
                HoldPolicy = random.Next(2) == 0 ? HoldPolicy.Clamp : HoldPolicy.Refuse,
            });
        }

        return new GatewayConfig { Tenants = [.. tenants] };
    }

    private static LimitsConfig RandomLimits(Random random)
    {
        var windows = Enum.GetValues<LimitWindow>().Where(_ => random.Next(3) == 0).Select(window => new WindowLimit(
            window,
            random.Next(3) == 0 ? null : random.Next(10, 500) / 10m * Size(window),
            random.Next(2) == 0 ? null : random.Next(10_000, 200_000) * Size(window),
            random.Next(3) > 0 ? null : random.Next(5, 80) * Size(window)));
        return new LimitsConfig
        {
            Windows = [.. windows],
            RequestsPerMinute = random.Next(4) == 0 ? random.Next(3, 20) : null,
            TokensPerMinute = random.Next(5) == 0 ? random.Next(2_000, 60_000) : null,
            ConcurrentRequests = random.Next(4) == 0 ? random.Next(1, 8) : null,
        };
    }

    private static long Size(LimitWindow window) => window switch
    {
        LimitWindow.FiveHours => 1,
        LimitWindow.Daily => 2,
        LimitWindow.Weekly => 6,
        LimitWindow.Monthly => 15,
        _ => 40,
    };

    /// <summary>One request as the oracle remembers it.</summary>
    private sealed record Made(Guid Id, string Tenant, string Key, DateTimeOffset At, Reservation? Reservation)
    {
        public (decimal Usd, long Tokens) Counts { get; set; }

        public bool Ended { get; set; }

        public bool Projected { get; set; }

        /// <summary>The gateway that served it died: it forgets the rates of its last minute, and nothing else.</summary>
        public bool IsOfAnEarlierProcess { get; set; }
    }

    private sealed class World : IDisposable
    {
        private readonly ManualTimeProvider time;
        private readonly List<Made> made = [];
        private readonly ConfigSource source;
        private GatewayConfig config;
        private QuotaLedger ledger;

        public World(GatewayConfig config, ManualTimeProvider time)
        {
            (this.config, this.time, source) = (config, time, new ConfigSource(config));
            ledger = new QuotaLedger(source, time);
        }

        public int Granted { get; private set; }

        public int Refused { get; private set; }

        public void Dispose() => ledger.Dispose();

        public async Task RequestAsync(Random random)
        {
            var tenant = config.Tenants[random.Next(config.Tenants.Length)];
            var key = tenant.Keys[random.Next(2)];
            var hold = new HoldEstimate(random.Next(1, 1_000) * 1_000_000_000L, random.Next(1, 50) * 1_000_000L, random.Next(10, 2_000), random.Next(200, 8_000), 100);
            var now = time.GetUtcNow();
            FeedNow();
            try
            {
                var reservation = await ledger.ReserveAsync(tenant, hold, now, key.Id);
                var request = new Made(Guid.CreateVersion7(now), tenant.Id, key.Id, now, reservation) { Counts = (reservation.Held.Pico / Pico, reservation.Held.Tokens) };
                Assert.Equal(hold.InputTokens + reservation.MaxOutputTokens, reservation.Held.Tokens);
                Assert.True(reservation.MaxOutputTokens == hold.MaxOutputTokens || (tenant.HoldPolicy == HoldPolicy.Clamp && reservation.MaxOutputTokens >= hold.FloorOutputTokens));
                made.Add(request);
                Granted++;
                foreach (var limit in LimitsOf(tenant, key))
                {
                    Assert.True(Used(limit, now).Fits(limit), $"{limit.Tenant.Id} {limit.Key} {limit.Window} holds {Used(limit, now)} of {limit.Usd} {limit.Tokens} {limit.Requests}");
                }
            }
            catch (RefusedException refused)
            {
                Refused++;
                var tokens = tenant.HoldPolicy == HoldPolicy.Clamp ? Math.Min(hold.FloorOutputTokens, hold.MaxOutputTokens) : hold.MaxOutputTokens;
                var least = new Sum((hold.InputPico + (hold.OutputPicoPerToken * tokens)) / Pico, hold.InputTokens + tokens, 1);
                Assert.True(LimitsOf(tenant, key).Any(limit => !(Used(limit, now) + least).Fits(limit)), $"{least} fits every limit, and yet: {refused.Message}");
            }
        }

        /// <summary>Finished, failed, or left by its client: it owes something between nothing and its hold.</summary>
        public void End(Random random)
        {
            var open = made.Where(request => !request.Ended).ToList();
            if (open.Count == 0)
            {
                return;
            }

            var request = open[random.Next(open.Count)];
            request.Ended = true;
            if (random.Next(10) == 0)
            {
                made.Remove(request); // Nothing was forwarded for it.
                request.Reservation!.Dispose();
                return;
            }

            var part = random.Next(101);
            var pico = request.Reservation!.Held.Pico / 100 * part;
            request.Counts = (pico / Pico, request.Reservation.Held.Tokens * part / 100);
            if (random.Next(3) == 0)
            {
                request.Reservation.Settle(request.Id, new Amounts(pico / 2, request.Counts.Tokens / 2, 1)); // Told early, and put right at the end.
            }

            request.Reservation.Settle(request.Id, new Amounts(pico, request.Counts.Tokens, 1));
            request.Reservation.Dispose();
        }

        public void EndAll(Random random)
        {
            while (made.Exists(request => !request.Ended))
            {
                End(random);
            }
        }

        /// <summary>The read model takes some of what is settled.</summary>
        public void Feed(Random random)
        {
            foreach (var request in made.Where(request => request is { Ended: true, Projected: false } && random.Next(2) == 0))
            {
                request.Projected = true;
            }

            FeedNow();
        }

        /// <summary>The process dies: what was open becomes an estimate below its hold, what was settled comes back from the journal or the read model.</summary>
        public void Crash()
        {
            ledger.Dispose();
            ledger = new QuotaLedger(source, time);
            foreach (var request in made.Where(request => !request.Projected))
            {
                if (!request.Ended)
                {
                    request.Ended = true;
                    request.Counts = (decimal.Truncate(request.Counts.Usd / 3 * Pico) / Pico, request.Counts.Tokens / 3);
                }

                ledger.Restore(new RequestCompleted
                {
                    RequestId = request.Id,
                    TenantId = request.Tenant,
                    KeyId = request.Key,
                    AdmittedAt = request.At,
                    SpendUsd = request.Counts.Usd,
                    Usage = new TokenUsage { InputTokens = request.Counts.Tokens },
                });
            }

            made.ForEach(request => request.IsOfAnEarlierProcess = true);
        }

        /// <summary>An operator changes windows while requests are in flight, or gives somebody more for a while.</summary>
        public void Configure(Random random)
        {
            var index = random.Next(config.Tenants.Length);
            var tenant = config.Tenants[index];
            if (random.Next(2) == 0)
            {
                var changed = tenant with { Limits = tenant.Limits with { Windows = RandomLimits(random).Windows }, ResetTime = new TimeOnly(random.Next(24), 30) };
                config = config with { Tenants = config.Tenants.SetItem(index, changed) };
            }
            else
            {
                var given = new BudgetExtended
                {
                    TenantId = tenant.Id,
                    Window = random.Next(2) == 0 ? "daily" : "total",
                    From = time.GetUtcNow(),
                    To = time.GetUtcNow().AddHours(random.Next(1, 50)),
                    ExtraUsd = random.Next(50),
                    ExtraTokens = random.Next(50_000),
                    ExtraRequests = random.Next(20),
                };
                config = config with { Extensions = [.. config.Extensions, given] };
            }

            source.Replace(config);
        }

        /// <summary>With nothing in flight, each limit leaves exactly what the sum of the requests leaves.</summary>
        public void CheckNothingIsLost()
        {
            FeedNow();
            var now = time.GetUtcNow();
            foreach (var tenant in config.Tenants)
            {
                foreach (var window in tenant.Limits.Windows)
                {
                    var (committed, held) = ledger.Now(new LimitSubject(tenant.Id, null), window.Window);
                    var expected = Used(new Limit(tenant, null, window.Window, window.MaxUsd, window.MaxTokens, window.MaxRequests), now);
                    Assert.Equal(default, held);
                    Assert.Equal(window.MaxUsd is null ? 0 : expected.Usd, (window.MaxUsd is null ? 0 : committed.Pico) / Pico);
                    Assert.Equal(window.MaxTokens is null ? 0 : expected.Tokens, window.MaxTokens is null ? 0 : committed.Tokens);
                    Assert.Equal(window.MaxRequests is null ? 0 : expected.Requests, window.MaxRequests is null ? 0 : committed.Requests);
                }
            }
        }

        private void FeedNow() => ledger.Feed(
            window => made.Where(request => request.Projected && request.At >= window.Start && request.At < window.End)
                .GroupBy(request => (request.Tenant, request.Key))
                .ToDictionary(group => group.Key, group => new Amounts((long)(group.Sum(request => request.Counts.Usd) * Pico), group.Sum(request => request.Counts.Tokens), group.Count())),
            [.. made.Where(request => request.Projected).Select(request => request.Id)]);

        private IEnumerable<Limit> LimitsOf(TenantConfig tenant, KeyConfig key)
        {
            foreach (var limit in LimitsOf(tenant, key.Id, key.Limits))
            {
                yield return limit;
            }

            for (var above = tenant; above is not null; above = config.Tenants.FirstOrDefault(other => other.Id == above.Parent))
            {
                foreach (var limit in LimitsOf(above, null, above.Limits))
                {
                    var extra = config.Extensions.Where(given => given.TenantId == above.Id && given.Window.Equals(limit.Window?.ToString(), StringComparison.OrdinalIgnoreCase) && given.From <= time.GetUtcNow() && time.GetUtcNow() < given.To).ToList();
                    yield return limit with { Usd = limit.Usd + extra.Sum(given => given.ExtraUsd), Tokens = limit.Tokens + extra.Sum(given => given.ExtraTokens), Requests = limit.Requests + extra.Sum(given => given.ExtraRequests) };
                }
            }
        }

        private static IEnumerable<Limit> LimitsOf(TenantConfig tenant, string? key, LimitsConfig limits) =>
        [
            .. limits.Windows.Select(window => new Limit(tenant, key, window.Window, window.MaxUsd, window.MaxTokens, window.MaxRequests)),
            new Limit(tenant, key, null, null, limits.TokensPerMinute, limits.RequestsPerMinute),
            new Limit(tenant, key, null, null, null, limits.ConcurrentRequests, IsConcurrency: true),
        ];

        private Sum Used(Limit limit, DateTimeOffset now)
        {
            var sum = new Sum(0, 0, 0);
            foreach (var request in made.Where(request => limit.Counts(request, now, config)))
            {
                sum += new Sum(request.Counts.Usd, request.Counts.Tokens, 1);
            }

            return sum;
        }
    }

    private readonly record struct Sum(decimal Usd, long Tokens, long Requests)
    {
        public static Sum operator +(Sum left, Sum right) => new(left.Usd + right.Usd, left.Tokens + right.Tokens, left.Requests + right.Requests);

        public bool Fits(Limit limit) => Usd <= (limit.Usd ?? decimal.MaxValue) && Tokens <= (limit.Tokens ?? long.MaxValue) && Requests <= (limit.Requests ?? long.MaxValue);
    }

    private sealed record Limit(TenantConfig Tenant, string? Key, LimitWindow? Window, decimal? Usd, long? Tokens, long? Requests, bool IsConcurrency = false)
    {
        public bool Counts(Made request, DateTimeOffset now, GatewayConfig config) =>
            IsOf(request, config) && (IsConcurrency
                ? !request.Ended
                : Window is { } window ? Same(window, request.At, now) : !request.IsOfAnEarlierProcess && request.At.ToUnixTimeSeconds() / 5 >= (now.ToUnixTimeSeconds() / 5) - 12);

        private bool IsOf(Made request, GatewayConfig config)
        {
            if (Key is not null)
            {
                return request.Tenant == Tenant.Id && request.Key == Key;
            }

            var id = request.Tenant;
            while (id is not null && id != Tenant.Id)
            {
                id = config.Tenants.First(tenant => tenant.Id == id).Parent;
            }

            return id is not null;
        }

        /// <summary>Whether two instants fall into the same window, by counting the days that began in between on a wall clock that never goes back.</summary>
        private bool Same(LimitWindow window, DateTimeOffset one, DateTimeOffset other) => window switch
        {
            LimitWindow.Total => true,
            LimitWindow.FiveHours => one.ToUnixTimeSeconds() / 900 >= (other.ToUnixTimeSeconds() / 900) - 20,
            LimitWindow.Daily => Day(one) == Day(other),
            LimitWindow.Weekly => Week(Day(one)) == Week(Day(other)),
            _ => Month(Day(one)) == Month(Day(other)),
        };

        private DateOnly Day(DateTimeOffset at)
        {
            var day = DateOnly.MinValue;
            for (var look = at.AddHours(-4); look <= at; look = look.AddMinutes(15))
            {
                var next = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(look.AddTicks(-(look.UtcTicks % TimeSpan.FromMinutes(15).Ticks)), Tenant.TimeZone).DateTime - Tenant.ResetTime.ToTimeSpan());
                day = next > day ? next : day;
            }

            var last = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at.AddTicks(-(at.UtcTicks % TimeSpan.FromMinutes(15).Ticks)), Tenant.TimeZone).DateTime - Tenant.ResetTime.ToTimeSpan());
            return last > day ? last : day;
        }

        // Day number 0 is a Monday.
        private int Week(DateOnly day) => (day.DayNumber + 8 - (int)Tenant.WeekStartsOn) / 7;

        private (int, int) Month(DateOnly day) => day.Day >= Tenant.MonthStartsOn ? (day.Year, day.Month) : (day.AddMonths(-1).Year, day.AddMonths(-1).Month);
    }
}
