using System.Net;
using CCGate.Hosting.Operators;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>Who guesses waits longer each time; nobody else waits for it.</summary>
public sealed class SignInLockoutTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Elsewhere = IPAddress.Parse("192.0.2.2");

    private readonly ManualTimeProvider time = new();
    private readonly SignInLockout lockout;

    public SignInLockoutTests() => lockout = new SignInLockout(time);

    [Fact]
    public void The_fifth_failure_makes_the_name_wait_and_each_further_one_twice_as_long()
    {
        Fail(Here, "admin", 4);
        Assert.Null(lockout.Wait(Here, "admin"));

        foreach (var seconds in (int[])[30, 60, 120, 240, 480, 900, 900])
        {
            Fail(Here, "admin", 1);
            Assert.Equal(TimeSpan.FromSeconds(seconds), lockout.Wait(Here, "admin"));
            time.Advance(TimeSpan.FromSeconds(seconds));
            Assert.Null(lockout.Wait(Here, "admin"));
        }
    }

    [Fact]
    public void Another_address_and_another_name_do_not_wait()
    {
        Fail(Here, "admin", 10);

        Assert.Null(lockout.Wait(Elsewhere, "admin"));
        Assert.Null(lockout.Wait(Here, "other"));
    }

    [Fact]
    public void A_success_and_a_quarter_of_an_hour_of_peace_forget_failures()
    {
        Fail(Here, "admin", 4);
        lockout.Succeed(Here, "admin");
        Fail(Here, "admin", 4);
        Assert.Null(lockout.Wait(Here, "admin"));

        time.Advance(TimeSpan.FromMinutes(15) + TimeSpan.FromSeconds(1));
        Fail(Here, "admin", 4);
        Assert.Null(lockout.Wait(Here, "admin"));
    }

    [Fact]
    public void An_address_that_tries_many_names_waits_whatever_it_succeeds_with()
    {
        for (var i = 0; i < 50; i++)
        {
            lockout.Fail(Here, $"name-{i}");
            lockout.Succeed(Here, "own");
        }

        Assert.NotNull(lockout.Wait(Here, "own"));
        Assert.Null(lockout.Wait(Elsewhere, "own"));
    }

    [Fact]
    public void An_IPv6_network_is_one_address()
    {
        Fail(IPAddress.Parse("2001:db8::1"), "admin", 5);

        Assert.NotNull(lockout.Wait(IPAddress.Parse("2001:db8::2"), "admin"));
        Assert.Null(lockout.Wait(IPAddress.Parse("2001:db8:0:1::1"), "admin"));
    }

    [Fact]
    public void A_flood_of_names_and_addresses_does_not_free_who_failed_last()
    {
        for (var i = 0; i < 30_000; i++)
        {
            lockout.Fail(new IPAddress(i + 1), "admin");
            time.Advance(TimeSpan.FromTicks(1));
        }

        Fail(Here, "admin", 5);
        Assert.NotNull(lockout.Wait(Here, "admin"));
    }

    private void Fail(IPAddress address, string name, int times)
    {
        for (var i = 0; i < times; i++)
        {
            lockout.Fail(address, name);
        }
    }
}
