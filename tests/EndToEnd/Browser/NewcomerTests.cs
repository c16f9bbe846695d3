using System.Net;
using Microsoft.Playwright;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>The first ten minutes with the dashboard: from nothing to a request and what it cost.</summary>
[Collection(nameof(Browser))]
public sealed class NewcomerTests(Chromium chromium, DashboardGateway gateway)
{
    [Fact]
    public async Task A_tenant_and_a_key_are_made_and_a_request_with_the_key_appears_by_itself()
    {
        await using var window = await chromium.OpenAsync(gateway.Url);
        await window.SignInAsync();

        await window.GoAsync("/dashboard/tenants");
        await window.Link("New tenant").ClickAsync();
        await window.Field("Id").FillAsync("newcomer");
        await window.Field("Name").FillAsync("New Comer");
        await window.Field("Day · USD").FillAsync("2.5");
        await window.Button("Save").ClickAsync();
        await window.Heading("New Comer").WaitForAsync();
        await window.Page.GetByText("$2.5").First.WaitForAsync();

        var (key, setup) = await IssueKeyAsync(window);
        gateway.Secrets.Add(key);
        Assert.StartsWith("ccg_", key, StringComparison.Ordinal);
        Assert.Contains($"ANTHROPIC_BASE_URL={gateway.Url.TrimEnd('/')}\n", setup, StringComparison.Ordinal);
        Assert.Contains($"ANTHROPIC_AUTH_TOKEN={key}\n", setup, StringComparison.Ordinal);
        Assert.DoesNotContain(key, await window.Page.ContentAsync(), StringComparison.Ordinal);

        await window.GoAsync("/dashboard/requests?tenant=newcomer");
        await window.Page.GetByText("No request matches").WaitForAsync();
        await gateway.AskAsync(key);
        var row = window.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = "newcomer" });
        await row.WaitForAsync();

        await row.ClickAsync();
        await window.Page.GetByText("Attempt 1: sim").WaitForAsync();
        await window.Page.GetByText("Rounded to picodollars: owed").WaitForAsync();
        await window.ScreenshotAsync("newcomer-request");

        await window.GoAsync("/dashboard/tenants/newcomer");
        await window.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = "Succeeded" }).WaitForAsync();
        await window.ScreenshotAsync("newcomer-tenant");
        Assert.Empty(window.Complaints("401"));
    }

    [Fact]
    public async Task A_lowered_limit_refuses_the_next_request_and_a_revoked_key_is_refused()
    {
        await gateway.PostAsync("/api/tenants", new { document = new { id = "spender" } });
        var key = await gateway.IssueKeyAsync("spender", new { id = "only" });
        await gateway.AskAsync(key);
        await using var window = await chromium.OpenAsync(gateway.Url);
        await window.HasSessionAsync();

        await window.GoAsync("/dashboard/tenants/spender/edit");
        await window.Field("Day · Requests").FillAsync("1");
        await window.Button("Save").ClickAsync();
        await window.Heading("spender").WaitForAsync();
        using (var refused = await gateway.AnswerAsync(key))
        {
            Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        }

        await window.Button("More: What can be done with the key only").ClickAsync();
        await window.Page.GetByRole(AriaRole.Menuitem, new PageGetByRoleOptions { Name = "Revoke" }).ClickAsync();
        await window.Field("Reason").FillAsync("lost in a train");
        await window.Button("Revoke").ClickAsync();
        await window.Page.GetByText("Revoked.", new PageGetByTextOptions { Exact = true }).WaitForAsync();
        using (var refused = await gateway.AnswerAsync(key))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        await window.GoAsync("/dashboard/audit?subject=spender");
        var change = window.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = "lost in a train" });
        await change.Filter(new LocatorFilterOptions { HasText = "admin" }).WaitForAsync();
        Assert.Empty(window.Complaints());
    }

    /// <summary>Issues a key, copies it as a person does, and closes the dialog: the key, and the text to set up Claude Code with.</summary>
    private static async Task<(string Key, string Setup)> IssueKeyAsync(DashboardWindow window)
    {
        await window.Button("Issue a key").ClickAsync();
        await window.Dialog.GetByLabel("Label").FillAsync("laptop");
        await window.Dialog.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Issue a key" }).ClickAsync();
        await window.Button("Copy: Key").ClickAsync();
        await window.Button("Copied: Key").WaitForAsync();
        var key = await window.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        await window.Button("Copy: Set up Claude Code with it").ClickAsync();
        await window.Button("Copied: Set up Claude Code with it").WaitForAsync();
        var setup = await window.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        await window.Button("I have copied it").ClickAsync();
        await window.Dialog.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Hidden });
        return (key, setup);
    }
}
