"""Where a repository lives: comments on pull requests of GitHub and merge requests of GitLab, by their REST APIs."""
