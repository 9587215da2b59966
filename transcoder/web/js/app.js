document.getElementById("main").textContent = "The page is not built yet.";
